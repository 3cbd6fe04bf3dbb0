"""The newest part of the stream, held in memory once for all connections of the process.

One consumption of the stream feeds it. A connection keeps nothing but its position: it reads from the window whatever
stands behind the position, waits when there is nothing, and turns to the stored stream when the window has moved past
it. So a slow reader costs no memory and loses nothing, and nothing can fall between replaying and following.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import takewhile
from operator import attrgetter

from attrs import define, field

from plexsphere_domain.mesh.bus.announcements import Audience
from plexsphere_domain.mesh.bus.ports import Record

_SEQUENCE = attrgetter("sequence")


@define(eq=False)
class Window:
    """Every record of the stream behind `floor`, up to and with `tip`; bounded by records and by bytes of data."""

    max_records: int = 8192
    max_bytes: int = 32 * 1024 * 1024
    live: bool = field(default=False, init=False)
    """Whether the window follows the stream right now."""
    epoch: int = field(default=0, init=False)
    """Grows when the stream turns out to be another one, whose sequences mean something else."""
    floor: int = field(default=0, init=False)
    tip: int = field(default=0, init=False)
    _bytes: int = field(default=0, init=False)
    _order: deque[Record] = field(factory=deque, init=False)
    _by_audience: dict[Audience, deque[Record]] = field(factory=dict, init=False)
    _waiters: dict[Audience, set[asyncio.Future[int]]] = field(factory=dict, init=False)

    def restart(self, at: int) -> None:
        """Forget everything: the stream is another one, and stands at `at`. Whoever waits is woken."""
        self.epoch += 1
        self.floor = self.tip = at
        self._bytes = 0
        self._order.clear()
        self._by_audience.clear()
        for audience in list(self._waiters):
            self._wake(audience, at)

    def append(self, record: Record) -> None:
        """Take in the next record; its sequence has to be beyond the tip."""
        self.tip = record.sequence
        self._order.append(record)
        self._by_audience.setdefault(record.audience, deque()).append(record)
        self._bytes += len(record.data)
        while len(self._order) > self.max_records or self._bytes > self.max_bytes:
            self._evict()
        self._wake(record.audience, record.sequence)

    def covers(self, position: int) -> bool:
        """Whether everything behind `position` is in the window, as far as the process has seen the stream."""
        return position >= self.floor

    def behind(self, position: int, audiences: Sequence[Audience]) -> list[Record]:
        """The records for any of `audiences` behind `position`, in stream order."""
        return list(merge(*(self._newest(audience, position) for audience in audiences), key=_SEQUENCE))

    async def arrival(self, audiences: Sequence[Audience]) -> int:
        """The sequence of the first record for any of `audiences` that is appended from here on."""
        arrived: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        for audience in audiences:
            self._waiters.setdefault(audience, set()).add(arrived)
        try:
            return await arrived
        finally:
            for audience in audiences:
                self._forget(audience, arrived)

    def _newest(self, audience: Audience, position: int) -> Iterator[Record]:
        newest = takewhile(lambda record: record.sequence > position, reversed(self._by_audience.get(audience, ())))
        return reversed(list(newest))

    def _evict(self) -> None:
        oldest = self._order.popleft()
        lane = self._by_audience[oldest.audience]
        lane.popleft()
        if not lane:
            del self._by_audience[oldest.audience]
        self._bytes -= len(oldest.data)
        self.floor = oldest.sequence

    def _wake(self, audience: Audience, sequence: int) -> None:
        for waiter in self._waiters.pop(audience, ()):
            if not waiter.done():
                waiter.set_result(sequence)

    def _forget(self, audience: Audience, waiter: asyncio.Future[int]) -> None:
        waiters = self._waiters.get(audience)
        if waiters is None:
            return
        waiters.discard(waiter)
        if not waiters:
            del self._waiters[audience]
