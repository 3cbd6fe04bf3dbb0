"""Reading what the stream has stored, for connections that resume from before the window."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from attrs import define, field
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from plexsphere_adapters.jetstream.connection import FAILURES, REQUEST_TIMEOUT, Bus, outages
from plexsphere_adapters.jetstream.stream import STREAM
from plexsphere_adapters.jetstream.subjects import audience_of, subject_of
from plexsphere_domain.mesh.bus.announcements import Audience
from plexsphere_domain.mesh.bus.ports import Extent, Record

CHUNK: Final = 256
INACTIVE: Final = 60.0
"""Seconds after which NATS removes the consumer of a reader that does not go on."""

CONCURRENT: Final = 64
"""Requests that all readers of the process have under way at once."""


@define
class JetStreamArchive:
    """Implements `Archive` over the stream's own filtered consumers."""

    bus: Bus
    _turns: asyncio.Semaphore = field(factory=lambda: asyncio.Semaphore(CONCURRENT), init=False)

    async def extent(self) -> Extent:
        with outages():
            async with self._turns:
                state = (await self.bus.session.js.stream_info(STREAM)).state
        return Extent(state.first_seq, state.last_seq)

    async def read(self, audiences: Sequence[Audience], after: int) -> AsyncGenerator[Sequence[Record], None]:
        js = self.bus.session.js
        async with self._consumer(js, audiences, after) as (name, pending):
            with outages():
                reader = await js.pull_subscribe_bind(consumer=name, stream=STREAM)
            try:
                while pending:
                    with outages():
                        async with self._turns:
                            messages = await reader.fetch(min(CHUNK, pending), timeout=REQUEST_TIMEOUT)
                    pending = messages[-1].metadata.num_pending
                    yield _records(messages)
            finally:
                with suppress(*FAILURES):
                    await reader.unsubscribe()

    @asynccontextmanager
    async def _consumer(
        self, js: JetStreamContext, audiences: Sequence[Audience], after: int
    ) -> AsyncIterator[tuple[str, int]]:
        """The name of a consumer of its own for one reader, and how many messages it has to deliver."""
        config = ConsumerConfig(
            filter_subjects=[subject_of(audience) for audience in audiences],
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            ack_policy=AckPolicy.NONE,
            mem_storage=True,
            num_replicas=1,
            inactive_threshold=INACTIVE,
        )
        with outages():
            async with self._turns:
                consumer = await js.add_consumer(STREAM, config)
        try:
            yield consumer.name, consumer.num_pending or 0
        finally:
            with suppress(*FAILURES):
                await js.delete_consumer(STREAM, consumer.name)


def _records(messages: Sequence[Msg]) -> list[Record]:
    addressed = ((message, audience_of(message.subject)) for message in messages)
    return [
        Record(message.metadata.sequence.stream, audience, message.data)
        for message, audience in addressed
        if audience is not None
    ]
