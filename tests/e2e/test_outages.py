"""Servers that are silent or gone: what depends on one says so in time, all else goes on, and no gate opens."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from attrs import frozen

from tests.e2e.client import Node, Operator, Place, announced, connected, heartbeat
from tests.e2e.principals import stranger
from tests.e2e.stage import problem_in
from tests.e2e.system import System

IN_TIME = 29.0
"""Seconds within which everything is answered: agents wait for 30, and some of it goes by on the way."""


@frozen
class Quiet:
    """A system that has been used, so that it knows what it can know when a server falls silent."""

    system: System
    http: httpx.AsyncClient
    operator: Operator
    place: Place
    node: Node
    stranger: str

    async def answer(self, method: str, path: str, **options: object) -> httpx.Response:
        async with asyncio.timeout(IN_TIME):
            return await self.http.request(method, path, **options)  # type: ignore[arg-type]

    async def of_node(self, method: str, what: str, **options: object) -> httpx.Response:
        return await self.answer(method, f"/v1/nodes/{self.node.id}/{what}", headers=self.node.headers, **options)

    async def goes_on(self, *works: str) -> None:
        """The Node is served in spite of it."""
        for what in works:
            heard = what == "heartbeat"
            answer = await self.of_node("POST" if heard else "GET", what, **({"json": heartbeat()} if heard else {}))
            assert answer.status_code == 200, (what, answer.text)

    async def refused_stream(self) -> httpx.Response:
        """The answer to a Node that opens its stream, as soon as it is a refusal."""
        path = f"/v1/nodes/{self.node.id}/events"
        while True:
            async with asyncio.timeout(IN_TIME), self.http.stream("GET", path, headers=self.node.headers) as answer:
                if answer.status_code != 200:
                    await answer.aread()
                    return answer
            await asyncio.sleep(0.1)

    async def failing_probes(self) -> set[str]:
        told = await self.answer("GET", "/readyz")
        assert told.status_code == 503
        return {name for name, probe in told.json()["probes"].items() if probe["status"] != "ok"}


@pytest.fixture
async def quiet(fragile: System) -> AsyncIterator[Quiet]:
    async with connected(fragile.url, fragile.operator_token) as http:
        operator = Operator(http)
        await fragile.until_well(http)
        place = await operator.place()
        node = await operator.node(place)
        await node.state(http)
        await node.heartbeat(http)
        yield Quiet(fragile, http, operator, place, node, (await stranger(fragile)).token)
        await fragile.until_well(http)


async def test_spicedb(quiet: Quiet) -> None:
    domain = f"/v1/domains/{quiet.place.domain['id']}"
    elsewhere = await quiet.operator.domain()
    machine = await quiet.operator.machine(quiet.place)
    assert (await quiet.answer("GET", domain)).status_code == 200
    with quiet.system.suspended("spicedb"):
        assert (await quiet.answer("GET", domain)).status_code == 200
        unheard = await quiet.answer("GET", f"/v1/domains/{elsewhere['id']}/audit/entries")
        problem_in(unheard, 503, "authz_unavailable")
        unknown = await quiet.answer("GET", domain, headers={"Authorization": f"Bearer {quiet.stranger}"})
        problem_in(unknown, 503, "authz_unavailable")
        await quiet.goes_on("state", "reachability", "heartbeat")
        assert (await machine.ask(quiet.http)).status_code == 201
    denied = await quiet.answer("GET", domain, headers={"Authorization": f"Bearer {quiet.stranger}"})
    assert denied.status_code in (403, 503)


async def test_nats(quiet: Quiet) -> None:
    machine = await quiet.operator.machine(quiet.place)
    with quiet.system.suspended("nats"):
        await quiet.goes_on("state", "reachability", "heartbeat")
        late = Node.of((await machine.ask(quiet.http)).json(), machine.public_key)
        refused = await quiet.refused_stream()
        problem_in(refused, 503, "event_stream_unavailable")
        assert await quiet.failing_probes() == {"jetstream"}
    await quiet.system.until_well(quiet.http)
    async with quiet.node.events(quiet.http, after=0) as stream:
        assert announced(await stream.peers(late.id)) == {quiet.node.id, late.id}


async def test_the_signer(quiet: Quiet) -> None:
    elsewhere = await quiet.operator.place()
    machine = await quiet.operator.machine(elsewhere)
    with quiet.system.suspended("signer"):
        await quiet.goes_on("state", "reachability", "heartbeat")
        refused = await machine.ask(quiet.http)
        problem_in(refused, 503, "signing_unavailable")
    await quiet.system.until_well(quiet.http)
    node = await machine.enrol(quiet.http)
    async with node.events(quiet.http, after=0) as stream:
        assert announced(await stream.peers(node.id)) == {node.id}


async def test_postgresql(quiet: Quiet) -> None:
    machine = await quiet.operator.machine(quiet.place)
    with quiet.system.down("postgres"):
        _, *refusals = await asyncio.gather(
            quiet.goes_on("state"),
            quiet.of_node("POST", "heartbeat", json=heartbeat()),
            quiet.of_node("GET", "reachability"),
            quiet.answer("GET", "/v1/domains"),
            machine.ask(quiet.http),
        )
        for refused in refusals:
            problem_in(refused, 503, "datastore_unavailable")
        assert "db-primary" in await quiet.failing_probes()
    await quiet.system.until_well(quiet.http)
    await machine.enrol(quiet.http)


@pytest.mark.parametrize(("server", "probe"), [("openbao", "secretstore"), ("seaweedfs", "blobstore")])
async def test_what_requests_do_not_wait_for(server: str, probe: str, quiet: Quiet) -> None:
    machine = await quiet.operator.machine(quiet.place)
    with quiet.system.suspended(server):
        assert await quiet.failing_probes() == {probe}
        await quiet.goes_on("state", "reachability", "heartbeat")
        assert (await quiet.answer("GET", "/v1/domains")).status_code == 200
        answer = await machine.ask(quiet.http)
        assert answer.status_code in (201, 503), answer.text
    await quiet.system.until_well(quiet.http)
    await machine.enrol(quiet.http)
