"""The event stream over ASGI, driven as a server would."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from plexsphere_adapters.http import sse
from plexsphere_adapters.http.sse import EventStreamResponse, frame
from plexsphere_adapters.metrics.bus import CONNECTIONS
from plexsphere_domain.mesh.bus.admission import StreamedEvent

FIRST, SECOND = StreamedEvent(7, "peer_registered", b'{"a":1}'), StreamedEvent(8, "node_state_updated", b'{"b":2}')


class Client:
    """The other end of a connection."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.leaves = asyncio.Event()
        self.stuck = asyncio.Event()
        self.stuck.set()
        self._received = asyncio.Condition()

    async def receive(self) -> dict[str, Any]:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.stuck.wait()
        async with self._received:
            self.messages.append(dict(message))
            self._received.notify_all()

    async def has_received(self, count: int) -> None:
        async with self._received:
            await self._received.wait_for(lambda: len(self.messages) >= count)

    @property
    def chunks(self) -> list[bytes]:
        return [message["body"] for message in self.messages[1:]]


class Source:
    """Events that a test hands out, and whether their stream was closed."""

    def __init__(self, *events: StreamedEvent) -> None:
        self.queue: asyncio.Queue[StreamedEvent | None] = asyncio.Queue()
        self.closed = False
        for event in events:
            self.queue.put_nowait(event)

    async def events(self) -> AsyncGenerator[StreamedEvent, None]:
        try:
            while event := await self.queue.get():
                yield event
        finally:
            self.closed = True


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def draining() -> asyncio.Event:
    return asyncio.Event()


def serve(response: EventStreamResponse, client: Client) -> "asyncio.Task[None]":
    return asyncio.create_task(response({"type": "http"}, client.receive, client.send))


def test_a_frame() -> None:
    assert frame(FIRST) == b'id: 7\nevent: peer_registered\ndata: {"a":1}\n\n'


async def test_the_head_goes_out_before_any_event(client: Client, draining: asyncio.Event) -> None:
    serving = serve(EventStreamResponse(Source().events(), draining), client)
    await client.has_received(1)
    head = client.messages[0]
    assert head["status"] == 200
    headers = dict(head["headers"])
    assert headers[b"content-type"] == b"text/event-stream"
    assert headers[b"cache-control"] == b"no-cache"
    assert headers[b"x-plexsphere-api-version"] == b"v1"
    assert b"content-length" not in headers
    client.leaves.set()
    await serving


async def test_who_asks_for_the_head_alone_gets_no_stream(client: Client, draining: asyncio.Event) -> None:
    response = EventStreamResponse(Source(FIRST).events(), draining)
    async with asyncio.timeout(5):
        await response({"type": "http", "method": "HEAD"}, client.receive, client.send)
    assert client.messages[0]["status"] == 200
    assert client.messages[1:] == [{"type": "http.response.body", "body": b""}]


async def test_every_event_is_a_chunk_of_its_own(client: Client, draining: asyncio.Event) -> None:
    source = Source(FIRST, SECOND)
    serving = serve(EventStreamResponse(source.events(), draining), client)
    await client.has_received(3)
    assert client.chunks == [frame(FIRST), frame(SECOND)]
    source.queue.put_nowait(None)
    await serving
    assert client.messages[-1] == {"type": "http.response.body", "body": b""}


async def test_silence_is_filled_with_comments(client: Client, draining: asyncio.Event) -> None:
    serving = serve(EventStreamResponse(Source().events(), draining, keep_alive=0.01), client)
    await client.has_received(4)
    assert set(client.chunks) == {b":keep-alive\n\n"}
    client.leaves.set()
    await serving


@pytest.mark.parametrize("ending", ["leaves", "drains"])
async def test_it_ends_with_the_client_and_with_the_process(
    client: Client, draining: asyncio.Event, ending: str
) -> None:
    source = Source(FIRST)
    serving = serve(EventStreamResponse(source.events(), draining), client)
    await client.has_received(2)
    (client.leaves if ending == "leaves" else draining).set()
    async with asyncio.timeout(5):
        await serving
    assert source.closed
    assert client.messages[-1] == {"type": "http.response.body", "body": b""}


async def test_a_client_that_takes_nothing_is_cut_off(
    client: Client, draining: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "SEND_DEADLINE", 0.01)
    source = Source()
    serving = serve(EventStreamResponse(source.events(), draining), client)
    await client.has_received(1)
    client.stuck.clear()
    source.queue.put_nowait(FIRST)
    async with asyncio.timeout(5):
        await serving
    assert source.closed
    assert len(client.messages) == 1


async def test_a_fault_in_the_stream_is_not_swallowed(client: Client, draining: asyncio.Event) -> None:
    async def faulty() -> AsyncGenerator[StreamedEvent, None]:
        yield FIRST
        raise RuntimeError("a fault")

    with pytest.raises(RuntimeError):
        await serve(EventStreamResponse(faulty(), draining), client)


async def test_connections_are_counted(client: Client, draining: asyncio.Event) -> None:
    before = CONNECTIONS._value.get()
    serving = serve(EventStreamResponse(Source(FIRST).events(), draining), client)
    await client.has_received(2)
    assert CONNECTIONS._value.get() == before + 1
    client.leaves.set()
    await serving
    assert CONNECTIONS._value.get() == before
