"""Writing to the stream: a whole batch is under way at once, and acknowledged before anybody relies on it."""

import asyncio
import json
from collections.abc import Sequence
from typing import Final
from weakref import WeakKeyDictionary

import structlog
from attrs import define, field
from nats.aio.msg import Msg
from nats.js.api import Header

from plexsphere_adapters.jetstream.connection import REQUEST_TIMEOUT, Bus, Session, outages
from plexsphere_adapters.jetstream.subjects import subject_of
from plexsphere_domain.mesh.bus.errors import EventStreamUnavailable
from plexsphere_domain.mesh.bus.ports import Message

log = structlog.get_logger(__name__)

IN_FLIGHT: Final = 1000
"""Messages of one batch that are under way without acknowledgement."""

_TURN: Final = 100


@define
class JetStreamPublisher:
    """Implements `Publisher`. Safe for use from many tasks at once."""

    bus: Bus
    _acknowledgements: "WeakKeyDictionary[Session, Acknowledgements]" = field(factory=WeakKeyDictionary, init=False)

    async def publish(self, messages: Sequence[Message]) -> None:
        session = self.bus.session
        acknowledgements = self._acknowledgements.setdefault(session, Acknowledgements(session))
        with outages():
            async with asyncio.timeout(REQUEST_TIMEOUT):
                await acknowledgements.listen()
            for start in range(0, len(messages), IN_FLIGHT):
                async with asyncio.timeout(REQUEST_TIMEOUT):
                    await self._publish(session, acknowledgements, messages[start : start + IN_FLIGHT])

    async def _publish(
        self, session: Session, acknowledgements: "Acknowledgements", messages: Sequence[Message]
    ) -> None:
        batch, reply = acknowledgements.expect(len(messages))
        for number, message in enumerate(messages):
            await session.client.publish(
                subject_of(message.audience), message.data, reply=reply, headers={Header.MSG_ID: str(message.id)}
            )
            if number % _TURN == _TURN - 1:
                await asyncio.sleep(0)
        await asyncio.wait([batch, session.over], return_when=asyncio.FIRST_COMPLETED)
        if not batch.done():
            raise EventStreamUnavailable
        batch.result()


class Acknowledgements:
    """Counts the acknowledgements of the batches of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._inbox = session.client.new_inbox()
        self._batches: dict[str, tuple[asyncio.Future[None], int]] = {}
        self._number = 0
        self._listening: asyncio.Task[None] | None = None

    async def listen(self) -> None:
        if self._listening is None:
            self._listening = asyncio.ensure_future(self._listen())
        await asyncio.shield(self._listening)

    def expect(self, count: int) -> "tuple[asyncio.Future[None], str]":
        """A future that is done when `count` messages are acknowledged, and where they have to be."""
        self._number += 1
        name = str(self._number)
        batch: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        batch.add_done_callback(lambda _: self._batches.pop(name, None))
        self._batches[name] = (batch, count)
        return batch, f"{self._inbox}.{name}"

    async def _listen(self) -> None:
        await self._session.client.subscribe(f"{self._inbox}.*", cb=self._acknowledged)

    async def _acknowledged(self, message: Msg) -> None:
        name = message.subject.rpartition(".")[2]
        batch, missing = self._batches.get(name, (None, 0))
        if batch is None or batch.done():
            return
        if refusal := _refusal(message):
            log.error("stream_refused_message", reason=refusal)
            batch.set_exception(EventStreamUnavailable())
            if message.headers:
                self._session.end()
        elif missing == 1:
            batch.set_result(None)
        else:
            self._batches[name] = (batch, missing - 1)


def _refusal(message: Msg) -> str | None:
    """Why the stream did not take a message, None when it did. Headers mean that no stream answered at all."""
    if message.headers:
        return "no stream listens"
    if b'"error"' not in message.data:
        return None
    return str(json.loads(message.data).get("error", {}).get("description"))
