"""Following the stream, once per process, into the window that all connections read from.

The consumer is an ephemeral one that pushes in order without acknowledgement. It numbers what it delivers: a number
that is left out, or heartbeats that stay away, mean that something is missing, and then a new consumer is made behind
the last record that did arrive.
"""

import asyncio
from datetime import datetime
from typing import Final, NoReturn

import structlog
from attrs import define, field
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, Header, StreamInfo
from nats.js.errors import NotFoundError

from plexsphere_adapters.jetstream.connection import FAILURES, Bus, Session
from plexsphere_adapters.jetstream.stream import STREAM
from plexsphere_adapters.jetstream.subjects import ALL, audience_of
from plexsphere_domain.mesh.bus.ports import Record
from plexsphere_domain.mesh.bus.window import Window

log = structlog.get_logger(__name__)

HEARTBEAT: Final = 2.0
_PATIENCE: Final = 3 * HEARTBEAT
_PAUSE: Final = 0.1
_TURN: Final = 256
_CONTROL = "100"
_LAST_CONSUMER = "Nats-Last-Consumer"
_STALLED = "Nats-Consumer-Stalled"


class ConsumerLost(Exception):
    """The consumer ended, or left something out."""


@define
class Tail:
    """Feeds `window`."""

    bus: Bus
    window: Window
    _created: datetime | None = field(default=None, init=False)

    async def run(self) -> NoReturn:
        """Follow until cancelled."""
        while True:
            session = await self.bus.next_session()
            try:
                await self._follow(session)
            except NotFoundError:
                log.warning("stream_missing", stream=STREAM)
                session.end()
            except (*FAILURES, ConsumerLost) as failure:
                log.warning("stream_consumer_lost", reason=str(failure) or type(failure).__name__)
            except Exception:
                log.exception("stream_consumption_faulted")
            finally:
                self.window.live = False
            await asyncio.sleep(_PAUSE)

    async def _follow(self, session: Session) -> NoReturn:
        self._align(await session.js.stream_info(STREAM))
        inbox = session.client.new_inbox()
        arrivals: asyncio.Queue[Msg | None] = asyncio.Queue()

        async def arrived(message: Msg) -> None:
            arrivals.put_nowait(message)

        def over(_: object) -> None:
            arrivals.put_nowait(None)

        session.over.add_done_callback(over)
        subscription = await session.client.subscribe(inbox, cb=arrived)
        try:
            await session.js.add_consumer(STREAM, _consumer(inbox, self.window.tip + 1))
            self.window.live = True
            await self._take_in(session, arrivals)
        finally:
            session.over.remove_done_callback(over)
            if not session.over.done():
                await subscription.unsubscribe()

    def _align(self, info: StreamInfo) -> None:
        """Start the window anew where it cannot be continued: another stream, or one that lost what comes next."""
        state = info.state
        known = self._created == info.created and self._created is not None
        if not known or state.last_seq < self.window.tip or state.first_seq > self.window.tip + 1:
            self.window.restart(state.last_seq)
        self._created = info.created

    async def _take_in(self, session: Session, arrivals: "asyncio.Queue[Msg | None]") -> NoReturn:
        delivered = 0
        while True:
            message = await _next(arrivals)
            if message.headers and message.headers.get(Header.STATUS):
                await _control(session, message, delivered)
                continue
            number, sequence = _numbers(message)
            if number != delivered + 1:
                raise ConsumerLost(f"delivery {delivered + 1} is missing")
            delivered = number
            audience = audience_of(message.subject)
            if audience is not None:
                self.window.append(Record(sequence, audience, message.data))
            if delivered % _TURN == 0:
                await asyncio.sleep(0)


def _consumer(inbox: str, start: int) -> ConsumerConfig:
    return ConsumerConfig(
        deliver_subject=inbox,
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=start,
        filter_subject=ALL,
        ack_policy=AckPolicy.NONE,
        flow_control=True,
        idle_heartbeat=HEARTBEAT,
        mem_storage=True,
        num_replicas=1,
    )


async def _next(arrivals: "asyncio.Queue[Msg | None]") -> Msg:
    if arrivals.empty():
        async with asyncio.timeout(_PATIENCE):
            message = await arrivals.get()
    else:
        message = arrivals.get_nowait()
    if message is None:
        raise ConsumerLost("the session ended")
    return message


async def _control(session: Session, message: Msg, delivered: int) -> None:
    """Answer flow control, and find out from a heartbeat whether something is missing."""
    headers = message.headers or {}
    if headers.get(Header.STATUS) != _CONTROL:
        raise ConsumerLost(f"status {headers.get(Header.STATUS)}")
    if message.reply:
        await session.client.publish(message.reply)
        return
    if int(headers.get(_LAST_CONSUMER, delivered)) != delivered:
        raise ConsumerLost("a heartbeat tells of more than arrived")
    if stalled := headers.get(_STALLED):
        await session.client.publish(stalled)


def _numbers(message: Msg) -> tuple[int, int]:
    """The delivery's number, counted by the consumer from 1, and its sequence in the stream."""
    pair = message.metadata.sequence
    return pair.consumer, pair.stream
