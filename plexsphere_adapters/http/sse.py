"""Server-sent events (HTML Living Standard, section 9.2): a Node's stream of signed envelopes over HTTP."""

import asyncio
from contextlib import aclosing
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from plexsphere_adapters.metrics.bus import CONNECTIONS
from plexsphere_domain.mesh.bus.admission import StreamedEvent
from plexsphere_domain.mesh.bus.stream import Events

KEEP_ALIVE: Final = 25.0
"""Seconds between comments: plexd gives up a stream that is silent for 90, proxies often after 60."""

SEND_DEADLINE: Final = 60.0
"""Seconds after which a client that takes nothing is cut off; it resumes by its cursor."""

API_VERSION: Final = "v1"

_COMMENT: Final = b":keep-alive\n\n"


def frame(event: StreamedEvent) -> bytes:
    """The event as one frame: its sequence is the id that the client resumes by."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.sequence, event.type.encode(), event.data)


class EventStreamResponse(Response):
    """An open stream. It ends when `events` end, when the client leaves, and when the process drains."""

    media_type = "text/event-stream"

    def __init__(self, events: Events, draining: asyncio.Event, *, keep_alive: float = KEEP_ALIVE) -> None:
        self._events = events
        self._draining = draining
        self._keep_alive = keep_alive
        self._turn = asyncio.Lock()
        self.status_code = 200
        self.background = None
        self.init_headers(
            {
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-cache",
                "X-Plexsphere-API-Version": API_VERSION,
                "X-Accel-Buffering": "no",
            }
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope.get("method") == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        with CONNECTIONS.track_inprogress():
            taken = await self._stream(receive, send)
        if taken:
            await send({"type": "http.response.body", "body": b""})

    async def _stream(self, receive: Receive, send: Send) -> bool:
        """Stream to the end; whether the client took everything."""
        tasks = [
            asyncio.create_task(run)
            for run in (self._pump(send), self._beat(send), _gone(receive), self._draining.wait())
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        failures = [failure for task in done if (failure := task.exception())]
        if any(not isinstance(failure, TimeoutError) for failure in failures):
            raise failures[0]
        return not failures

    async def _pump(self, send: Send) -> None:
        async with aclosing(self._events) as events:
            async for event in events:
                await self._send(send, frame(event))

    async def _beat(self, send: Send) -> None:
        while True:
            await asyncio.sleep(self._keep_alive)
            await self._send(send, _COMMENT)

    async def _send(self, send: Send, chunk: bytes) -> None:
        """One chunk at a time, each passed on at once. Raises TimeoutError when the client does not take it."""
        async with asyncio.timeout(SEND_DEADLINE), self._turn:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
