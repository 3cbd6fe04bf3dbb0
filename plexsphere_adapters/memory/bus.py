"""The event bus in memory: an outbox shard and a stream that live as long as the process."""

from collections.abc import AsyncGenerator, Sequence

from attrs import Factory, define

from plexsphere_domain.kernel.ids import DomainId, EventId
from plexsphere_domain.mesh.bus.announcements import Audience, Fact
from plexsphere_domain.mesh.bus.errors import CursorMoved, EventStreamUnavailable
from plexsphere_domain.mesh.bus.ports import Batch, Extent, Message, Position, Record
from plexsphere_domain.mesh.bus.window import Window


@define
class MemoryBacklog:
    """A shard: `facts` in their order, of which `cursor` are announced."""

    facts: list[Fact] = Factory(list)
    cursor: int = 0
    parked: list[Fact] = Factory(list)

    async def read(self, limit: int) -> Batch:
        facts = self.facts[self.cursor : self.cursor + limit]
        return Batch(start=_position(self.cursor), facts=facts, end=_position(self.cursor + len(facts)))

    async def advance(self, batch: Batch, aside: Sequence[Fact]) -> None:
        if batch.start != _position(self.cursor):
            raise CursorMoved
        self.cursor = batch.end[1]
        self.parked.extend(aside)

    async def waiting(self) -> frozenset[DomainId]:
        return frozenset(fact.domain_id for fact in self.parked if fact.domain_id is not None)

    async def aside(self, domain: DomainId, limit: int) -> Sequence[Fact]:
        return [fact for fact in self.parked if fact.domain_id == domain][:limit]

    async def release(self, facts: Sequence[Fact]) -> None:
        gone = {fact.id for fact in facts}
        self.parked = [fact for fact in self.parked if fact.id not in gone]

    async def count_aside(self) -> int:
        return len(self.parked)


@define
class MemoryStream:
    """A stream that is `Publisher` and `Archive` in one and feeds `window`. `reachable` plays the outage."""

    window: Window = Factory(Window)
    records: list[Record] = Factory(list)
    first: int = 1
    last: int = 0
    reachable: bool = True
    _known: set[EventId] = Factory(set)

    def __attrs_post_init__(self) -> None:
        self.window.live = True

    async def publish(self, messages: Sequence[Message]) -> None:
        self._reach()
        for message in messages:
            if message.id not in self._known:
                self._known.add(message.id)
                self.store(message.audience, message.data)

    def store(self, audience: Audience, data: bytes) -> Record:
        """Append somebody's bytes, unchecked."""
        self.last += 1
        record = Record(self.last, audience, data)
        self.records.append(record)
        self.window.append(record)
        return record

    def expire(self, through: int) -> None:
        """Retain only what stands behind the sequence `through`."""
        self.first = through + 1
        self.records = [record for record in self.records if record.sequence > through]

    def rebuild(self) -> None:
        """Become another, empty stream."""
        self.records, self.first, self.last = [], 1, 0
        self._known.clear()
        self.window.restart(0)

    async def extent(self) -> Extent:
        self._reach()
        return Extent(self.first, self.last)

    async def read(self, audiences: Sequence[Audience], after: int) -> AsyncGenerator[Sequence[Record], None]:
        self._reach()
        for record in list(self.records):
            if record.sequence > after and record.audience in audiences:
                yield [record]

    def _reach(self) -> None:
        if not self.reachable:
            raise EventStreamUnavailable


def _position(count: int) -> Position:
    return Position((0, count))
