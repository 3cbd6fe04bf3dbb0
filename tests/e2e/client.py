"""A client of the API, written from the description of the wire alone: nothing of plexsphere is imported here.

An `Operator` arranges Domains, Projects, Resources and tokens; a `Machine` enrols with a token, trying again as plexd
does; the `Node` that it became pulls its state, follows its events and reports back. Every secret that is handed out
is remembered in `HANDED_OUT`, so that logs can be searched for all of them.
"""

import asyncio
import hashlib
import random
import secrets
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from ipaddress import IPv4Network
from typing import Any
from uuid import UUID, uuid4

import httpx
from attrs import field, frozen

from tests.e2e.envelope import Event, Verifier

Json = dict[str, Any]

HANDED_OUT: set[str] = set()
"""Every secret that the system told anybody during the run."""

PATIENCE = 30.0
"""Seconds after which an event that does not come is lost."""

AGAIN = 0.2
"""Seconds between attempts to open a stream."""

CHECKSUM = b64encode(hashlib.sha256(b"a binary").digest()).decode()


@asynccontextmanager
async def connected(url: str, token: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Connections to one server, as many as are needed; with an operator's token, where one is given."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
    async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=30) as http:
        yield http


@frozen
class Place:
    """A Resource to enrol on, with what it is in."""

    domain: Json
    project: Json
    resource: Json


@frozen
class Operator:
    """A caller with an operator's token."""

    http: httpx.AsyncClient

    async def create(self, path: str, body: Json) -> Json:
        """What a POST created; anything but 201 fails the test."""
        answer = await self.http.post(path, json=body)
        assert answer.status_code == 201, answer.text
        made: Json = answer.json()
        HANDED_OUT.update([made["token"]] if "token" in made else [])
        return made

    async def domain(self, *, prefix: int = 22, **more: Any) -> Json:
        """A new Domain with a pool of its own, chosen anew for as long as another Domain has some of it."""
        while True:
            body = {"name": "A Domain", "slug": slug(), "mesh_cidr": str(some_pool(prefix)), **more}
            answer = await self.http.post("/v1/domains", json=body)
            if answer.status_code == 409 and answer.json()["code"] == "mesh_cidr_overlap":
                continue
            assert answer.status_code == 201, answer.text
            made: Json = answer.json()
            return made

    async def project(self, domain: Json, **more: Any) -> Json:
        return await self.create("/v1/projects", {"domain_id": domain["id"], "name": "P", "slug": slug(), **more})

    async def resource(self, project: Json, **more: Any) -> Json:
        body = {"origin": "adopted", "kind": "vm", "external_ref": slug(), **more}
        return await self.create(f"/v1/projects/{project['id']}/resources", body)

    async def place(self, **domain: Any) -> Place:
        """A Resource in a Project in a Domain, all new."""
        made = await self.domain(**domain)
        project = await self.project(made)
        return Place(made, project, await self.resource(project))

    async def token(self, project: Json, *, kind: str = "node") -> Json:
        body = {"kind": kind, "env_prefix": "test", "ttl_seconds": 300}
        return await self.create(f"/v1/projects/{project['id']}/bootstrap-tokens", body)

    async def machine(self, place: Place, **more: Any) -> "Machine":
        """A machine with a fresh token for `place`."""
        token = await self.token(place.project)
        return Machine(place.project["id"], place.resource["external_ref"], token["token"], **more)

    async def node(self, place: Place) -> "Node":
        """A machine that enrolled."""
        return await (await self.machine(place)).enrol(self.http)


@frozen
class Machine:
    """A machine that wants to enrol: one token, one key, and one nonce for all its attempts."""

    project_id: str
    handle: str
    token: str
    public_key: str = field(factory=lambda: b64encode(secrets.token_bytes(32)).decode())
    nonce: str = field(factory=lambda: str(uuid4()))
    first_pause: float = 1.0
    longest_pause: float = 60.0

    def request(self, **other: Any) -> Json:
        """The body of its registration."""
        return {
            "project_id": self.project_id,
            "resource_handle": self.handle,
            "bootstrap_token": self.token,
            "nonce": self.nonce,
            "public_key": self.public_key,
            **other,
        }

    async def ask(self, http: httpx.AsyncClient, **other: Any) -> httpx.Response:
        """One attempt. Machines have no credential but the token in the body."""
        request = http.build_request("POST", "/v1/register", json=self.request(**other))
        request.headers.pop("Authorization", None)
        answer = await http.send(request)
        if answer.status_code == 201:
            HANDED_OUT.add(answer.json()["nsk"])
        return answer

    async def enrol(self, http: httpx.AsyncClient) -> "Node":
        """Try until it is a Node: 429, every 5xx and what happens on the way are tried again, all else is final."""
        pause = self.first_pause
        while True:
            try:
                answer = await self.ask(http)
                if answer.status_code == 201:
                    return Node.of(answer.json(), self.public_key)
                assert answer.status_code == 429 or answer.status_code >= 500, answer.text
            except httpx.TransportError:
                pass
            await asyncio.sleep(pause * random.uniform(0.75, 1.25))
            pause = min(2 * pause, self.longest_pause)


@frozen
class Frame:
    """One event of a stream, as it came."""

    id: int
    type: str
    data: bytes


@frozen(kw_only=True)
class Node:
    """What a machine knows after its registration."""

    id: str
    mesh_ip: str
    public_key: str
    nsk: bytes
    verifier: Verifier
    mesh_cidr: str
    peers: list[Json]

    @classmethod
    def of(cls, told: Json, public_key: str) -> "Node":
        """Raises where an agent could not use what it was told."""
        key, nsk = b64decode(told["signing_public_key"], validate=True), b64decode(told["nsk"], validate=True)
        assert (len(key), len(nsk)) == (32, 32)
        assert str(UUID(told["node_id"])) == told["node_id"]
        node = cls(
            id=told["node_id"],
            mesh_ip=told["mesh_ip"],
            public_key=public_key,
            nsk=nsk,
            verifier=Verifier(told["signing_key_id"], key),
            mesh_cidr=told["domain_mesh_cidr"],
            peers=told["peer_snapshot"],
        )
        HANDED_OUT.update({node.bearer, nsk.hex()})
        return node

    @property
    def bearer(self) -> str:
        payload = UUID(self.id).bytes + self.nsk
        return f"nsk_plexd_{urlsafe_b64encode(payload).decode().rstrip('=')}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.bearer}"}

    async def state(self, http: httpx.AsyncClient) -> Json:
        answer = await http.get(f"/v1/nodes/{self.id}/state", headers=self.headers)
        assert answer.status_code == 200, answer.text
        pulled: Json = answer.json()
        return pulled

    async def heartbeat(self, http: httpx.AsyncClient) -> Json:
        answer = await http.post(f"/v1/nodes/{self.id}/heartbeat", headers=self.headers, json=heartbeat())
        assert answer.status_code == 200, answer.text
        heard: Json = answer.json()
        return heard

    async def reachability(self, http: httpx.AsyncClient) -> Json:
        answer = await http.get(f"/v1/nodes/{self.id}/reachability", headers=self.headers)
        assert answer.status_code == 200, answer.text
        told: Json = answer.json()
        return told

    @asynccontextmanager
    async def events(self, http: httpx.AsyncClient, *, after: int | None = None) -> AsyncIterator["Stream"]:
        """An open stream; leaving the block cuts the connection, in the middle of a frame if need be.

        Raises httpx.HTTPStatusError where it is refused.
        """
        cursor = {} if after is None else {"Last-Event-ID": str(after)}
        headers = {**self.headers, "Accept": "text/event-stream", "Cache-Control": "no-cache", **cursor}
        async with http.stream("GET", f"/v1/nodes/{self.id}/events", headers=headers, timeout=90) as answer:
            answer.raise_for_status()
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            assert answer.headers["Cache-Control"] == "no-cache"
            assert answer.headers["X-Plexsphere-API-Version"] == "v1"
            yield Stream(answer, self.verifier)


@frozen
class Delivery:
    """A frame whose envelope verified: where it stands in the stream, and what it says."""

    id: int
    event: Event


@frozen
class Stream:
    """The frames of one connection."""

    answer: httpx.Response
    verifier: Verifier

    async def deliveries(self) -> AsyncGenerator[Delivery, None]:
        """Every frame that arrives, verified byte for byte, until the server ends the stream."""
        async with aclosing(_frames(self.answer)) as frames:
            async for frame in frames:
                event = self.verifier.verify(frame.data)
                assert event.type == frame.type
                yield Delivery(frame.id, event)

    async def until(self, holds: Callable[[list[Delivery]], bool]) -> list[Delivery]:
        """What arrives until `holds` is true of it."""
        taken: list[Delivery] = []
        async with asyncio.timeout(PATIENCE), aclosing(self.deliveries()) as deliveries:
            while not holds(taken):
                taken.append(await anext(deliveries))
        return taken

    async def to_its_end(self) -> list[Delivery]:
        """What arrives until the server ends the stream."""
        async with asyncio.timeout(PATIENCE):
            return [each async for each in self.deliveries()]

    async def into(self, seen: list[Delivery], *, count: int) -> None:
        """Add what arrives until there are `count`, or until the server ends the stream."""
        async with aclosing(self.deliveries()) as deliveries:
            async for delivery in deliveries:
                seen.append(delivery)
                if len(seen) == count:
                    return

    async def peers(self, *node_ids: str) -> list[Delivery]:
        """What arrives until each of these Nodes was announced."""
        return await self.until(lambda taken: set(node_ids) <= announced(taken))


async def followed(node: Node, http: httpx.AsyncClient, *, count: int) -> list[Delivery]:
    """The first `count` events of a Node, over as many connections as it takes.

    An agent ends its stream for good at a refusal that is no outage, so there must be none.
    """
    seen: list[Delivery] = []
    while len(seen) < count:
        try:
            async with node.events(http, after=seen[-1].id if seen else 0) as stream:
                await stream.into(seen, count=count)
        except httpx.TransportError:
            await asyncio.sleep(AGAIN)
        except httpx.HTTPStatusError as refusal:
            if refusal.response.status_code != 503:
                raise
            await asyncio.sleep(AGAIN)
    return seen


def announced(deliveries: Iterable[Delivery]) -> set[str]:
    """The Nodes that are told of as registered."""
    registered = (each.event for each in deliveries if each.event.type == "peer_registered")
    return {event.payload["peer_node_id"] for event in registered}


def assert_in_order_and_once(deliveries: Sequence[Delivery]) -> None:
    """Sequences rise, and no event is told twice."""
    sequences = [delivery.id for delivery in deliveries]
    assert sequences == sorted(set(sequences))
    assert len({delivery.event.id for delivery in deliveries}) == len(deliveries)


async def _frames(answer: httpx.Response) -> AsyncGenerator[Frame, None]:
    buffer = b""
    async for chunk in answer.aiter_raw():
        buffer += chunk
        while b"\n\n" in buffer:
            block, _, buffer = buffer.partition(b"\n\n")
            if frame := _frame(block):
                yield frame


def _frame(block: bytes) -> Frame | None:
    """The frame in a block of lines; None where there is nothing but comments."""
    lines = [line for line in block.split(b"\n") if not line.startswith(b":")]
    assert all(len(line) < 65_536 for line in lines)
    fields = {name: value for name, _, value in (line.partition(b": ") for line in lines)}
    if not fields:
        return None
    assert list(fields) == [b"id", b"event", b"data"]
    return Frame(int(fields[b"id"]), fields[b"event"].decode(), fields[b"data"])


def heartbeat(**other: Any) -> Json:
    """The body of a heartbeat."""
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {"client_now": now, "binary_checksum": CHECKSUM, "binary_version": "dev", "nat_summary": {}, **other}


def slug() -> str:
    """A name that nobody has."""
    return f"e2e-{uuid4().hex[:16]}"


def some_pool(prefix: int) -> IPv4Network:
    """A random prefix of that length in 10.0.0.0/8."""
    return IPv4Network(((10 << 24 | random.getrandbits(24)) >> (32 - prefix) << (32 - prefix), prefix))
