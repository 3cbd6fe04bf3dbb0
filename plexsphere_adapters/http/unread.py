"""Request bodies that the application did not read to their end.

An application may answer before it has read the body, as it does for a body that is too large. The server holds a few
chunks of it and then waits for somebody to take them, so that neither the connection nor the request would ever end.
Therefore the rest of the body is read and thrown away before the answer is completed; a client that is still sending
gets to read the answer. Behind `LIMIT` bytes or seconds the connection is left to be closed.
"""

import asyncio
from contextlib import suppress
from typing import Final

from attrs import frozen
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LIMIT_BYTES: Final = 8 * 1024 * 1024
LIMIT_SECONDS: Final = 5.0


@frozen
class UnreadBodies:
    """The application `app`, which may leave bodies unread."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(scope):
            await self.app(scope, receive, send)
            return
        body = _Body(receive)

        async def complete(message: Message) -> None:
            if message["type"] != "http.response.body" or message.get("more_body", False) or body.ended:
                await send(message)
                return
            await send({**message, "more_body": True})
            await body.discard()
            await _finish(send, receive)

        await self.app(scope, body.receive, complete)


class _Body:
    """Watches a body being read."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.ended = False

    async def receive(self) -> Message:
        message = await self._receive()
        self.ended = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message

    async def discard(self) -> None:
        """Read what is left, up to the limits."""
        taken = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(LIMIT_SECONDS):
                while not self.ended and taken < LIMIT_BYTES:
                    taken += len((await self.receive()).get("body", b""))


async def _finish(send: Send, receive: Receive) -> None:
    """Complete the answer, taking whatever still arrives, without which the server would not get to close."""

    async def take() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    taking = asyncio.ensure_future(take())
    try:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        taking.cancel()


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )
