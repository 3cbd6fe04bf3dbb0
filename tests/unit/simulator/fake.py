"""A server that says what a test wants it to say, byte by byte: the agent's counterpart where a real one never errs."""

import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from attrs import Factory, define, field
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DOMAIN = "0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0b1"
KID = "did:web:localhost#key-1"


@define
class Said:
    """An answer. `body` goes out as it is; a stream's `chunks` go out one after the other until None, or for ever."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = Factory(dict)
    chunks: "asyncio.Queue[bytes | None] | None" = None


@define
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ok(document: Any, status: int = 200) -> Said:
    return Said(status, json.dumps(document).encode(), {"Content-Type": "application/json"})


def problem(status: int, code: str, **headers: str) -> Said:
    document = {
        "type": f"https://plexsphere.com/errors/{code.replace('_', '-')}",
        "title": "Refused",
        "status": status,
        "detail": "refused",
        "instance": "/",
        "code": code,
        "correlation_id": "c-1",
    }
    own = {"Content-Type": "application/problem+json", "X-Correlation-Id": "c-1"}
    return Said(status, json.dumps(document).encode(), own | {k.replace("_", "-"): v for k, v in headers.items()})


@define(eq=False)
class FakeCore:
    """Behaves well unless a test puts answers into `registrations`, `states`, `beats` or `streams`: those go first."""

    registrations: deque[Said] = Factory(deque)
    states: deque[Said] = Factory(deque)
    beats: deque[Said] = Factory(deque)
    streams: deque[Said] = Factory(deque)
    asked: list[Asked] = Factory(list)
    key: Ed25519PrivateKey = Factory(Ed25519PrivateKey.generate)
    nodes: dict[str, dict[str, Any]] = Factory(dict)
    log: list[bytes] = Factory(list)
    open_streams: list["asyncio.Queue[bytes | None]"] = Factory(list)
    url: str = ""
    _news: asyncio.Condition = field(factory=asyncio.Condition)

    def calls(self, tail: str) -> list[Asked]:
        return [one for one in self.asked if one.path.endswith(tail)]

    async def until(self, reached: Callable[["FakeCore"], bool]) -> None:
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: reached(self))

    def identity(self, node_id: str) -> dict[str, Any]:
        return {
            "node_id": node_id,
            "mesh_ip": f"100.64.0.{len(self.nodes) + 1}",
            "signing_public_key": base64.b64encode(self.key.public_key().public_bytes_raw()).decode(),
            "signing_key_id": KID,
            "nsk": base64.b64encode(bytes(range(32))).decode(),
            "peer_snapshot": self.peers(),
            "domain_mesh_cidr": "100.64.0.0/10",
        }

    def peers(self, own: str = "") -> list[dict[str, Any]]:
        return [
            {"node_id": one["node_id"], "mesh_ip": one["mesh_ip"], "public_key": one["public_key"]}
            for node_id, one in sorted(self.nodes.items())
            if node_id != own
        ]

    def snapshot(self, own: str) -> dict[str, Any]:
        return {
            "peers": self.peers(own),
            "reachability": {"state": "never_reported", "changed_at": "2026-05-27T10:00:00Z"},
            "policy": None,
            "bridge": None,
            "state": {"metadata": [], "data": [], "reports": []},
            "reports": {"metadata": [], "data": [], "reports": []},
            "executions": [],
            "sessions": [],
        }

    def frame(self, type: str, payload: Any, *, place: int | None = None, **members: str) -> bytes:
        """A well-formed, signed frame at the next place; `members` replaces parts of the envelope."""
        parts = {
            "id": str(uuid4()),
            "type": type,
            "scope": f"domain:{DOMAIN}",
            "key_id": KID,
            "issued_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        } | members
        signed = json.dumps({**parts, "payload": payload}, separators=(",", ":")).encode()
        signature = base64.b64encode(self.key.sign(signed)).decode()
        data = signed[:-1] + f',"signature":"{signature}"}}'.encode()
        number = len(self.log) + 1 if place is None else place
        return f"id: {number}\nevent: {parts['type']}\n".encode() + b"data: " + data + b"\n\n"

    def publish(self, frame: bytes) -> None:
        """Keeps the frame for replays, and sends it on every open stream."""
        self.log.append(frame)
        for stream in self.open_streams:
            stream.put_nowait(frame)

    def answer(self, asked: Asked) -> Said:
        node = asked.path.split("/")[3] if asked.path.startswith("/v1/nodes/") else ""
        match asked.method, asked.path.rpartition("/")[2]:
            case "POST", "register":
                return self.registrations.popleft() if self.registrations else self._register(asked)
            case "GET", "state":
                return self.states.popleft() if self.states else ok(self.snapshot(node))
            case "POST", "heartbeat":
                return self.beats.popleft() if self.beats else ok(BEAT)
            case "GET", "events":
                return self.streams.popleft() if self.streams else self._stream(asked)
            case "GET", _:
                return ok({"items": []})
            case "POST", ("domains" | "projects" | "resources"):
                return ok({"id": str(uuid4())}, 201)
            case "POST", "bootstrap-tokens":
                return ok({"token": f"psb_sim_{'a' * 26}_node_{'b' * 26}"}, 201)
        return problem(404, "not_found")

    def _register(self, asked: Asked) -> Said:
        node_id = str(UUID(int=0x0190A8B8A0C07A0A8A0AA0A0A0A0A000 + len(self.nodes)))
        identity = self.identity(node_id)
        self.nodes[node_id] = {**identity, "public_key": asked.json["public_key"]}
        return ok(identity, 201)

    def _stream(self, asked: Asked) -> Said:
        said = stream()
        cursor = asked.headers.get("last-event-id")
        for frame in self.log[int(cursor) :] if cursor else []:
            said.chunks.put_nowait(frame)
        self.open_streams.append(said.chunks)
        return said

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (asked := await _request(reader)) is not None:
                self.asked.append(asked)
                said = self.answer(asked)
                async with self._news:
                    self._news.notify_all()
                await _send(writer, said)
                if said.chunks is not None:
                    return
        except ConnectionError:
            pass


BEAT = {"accepted_at": "2026-05-27T10:00:00.123Z", "reconcile": False, "rotate_keys": False}


def stream(*chunks: bytes | None, **headers: str) -> Said:
    """A stream that says these things; None ends it, otherwise it stays open."""
    own = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Plexsphere-API-Version": "v1"}
    said = Said(200, b"", own | {k.replace("_", "-"): v for k, v in headers.items()}, asyncio.Queue())
    for chunk in chunks:
        said.chunks.put_nowait(chunk)
    return said


@asynccontextmanager
async def fake_core() -> AsyncIterator[FakeCore]:
    core = FakeCore()
    connections: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(core.serve(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)
        task.add_done_callback(lambda _: writer.close())

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    core.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield core
    server.close()
    for task in list(connections):
        task.cancel()
    await asyncio.gather(*connections, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Asked(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


async def _send(writer: asyncio.StreamWriter, said: Said) -> None:
    framing = {"Transfer-Encoding": "chunked"} if said.chunks is not None else {"Content-Length": str(len(said.body))}
    lines = [f"HTTP/1.1 {said.status} Said", *(f"{k}: {v}" for k, v in (said.headers | framing).items())]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + said.body)
    await writer.drain()
    while said.chunks is not None and (chunk := await said.chunks.get()) is not None:
        writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        await writer.drain()
    if said.chunks is not None:
        writer.write(b"0\r\n\r\n")
        await writer.drain()
