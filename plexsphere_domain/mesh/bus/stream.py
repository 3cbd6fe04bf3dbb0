"""From the stream to a Node: which events a connection gets, and in which order.

A Node's stream merges what is addressed to it with what is said to its whole Domain, in stream order. A connection
names where it stands by a cursor, the sequence of the last event that it has; the rules, in order:

 1. No cursor: follow from now, nothing older is sent.
 2. A cursor that is no non-negative integer is invalid.
 3. The cursor 0 stands before everything that is retained.
 4. A cursor beyond the end of the stream is invalid: that stream is gone, this is a new one.
 5. A cursor before the retained part is refused: something may be missing behind it.
 6. Otherwise every event with a greater sequence is sent once, in order, and then what comes.

All refusals come before the first event. Later a stream can only end, and the Node resumes by its cursor. With the news
that the Node itself has left the Domain it ends for good: what is said to the Domain is not said to it any more.

An outage does not end a stream, it makes it wait: agents open a stream that ended again at once, and one that ended as
soon as it was opened would have all of them do so in a circle.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import Protocol, TypeAlias

from attrs import frozen

from plexsphere_domain.kernel.errors import Unavailable
from plexsphere_domain.kernel.ids import DomainId, NodeId
from plexsphere_domain.mesh.bus.admission import Admission, StreamedEvent
from plexsphere_domain.mesh.bus.announcements import Audience, ToDomain, ToNode
from plexsphere_domain.mesh.bus.errors import EventStreamUnavailable, InvalidCursor, LastEventIdOutsideReplayWindow
from plexsphere_domain.mesh.bus.ports import Archive, Extent, Record
from plexsphere_domain.mesh.bus.window import Window

_CURSOR = re.compile(r"[0-9]{1,20}", re.ASCII)
MAX_CURSOR = 2**63 - 1

PAUSE = 1.0
"""Seconds between two attempts on what is away."""

Events: TypeAlias = AsyncGenerator[StreamedEvent, None]
"""The events of one connection."""


class EventStream(Protocol):
    async def open(self, domain: DomainId, node: NodeId, after: int | None) -> Events:
        """The events of the Node behind `after`, from now on where that is None. It ends when it has to be resumed.

        Raises InvalidCursor, LastEventIdOutsideReplayWindow and EventStreamUnavailable, always before any event.
        """


def parse_cursor(last_event_id: str | None) -> int | None:
    """The cursor of a `Last-Event-ID` header (rules 1 and 2). Raises InvalidCursor."""
    if not last_event_id:
        return None
    if not _CURSOR.fullmatch(last_event_id) or int(last_event_id) > MAX_CURSOR:
        raise InvalidCursor
    return int(last_event_id)


def start(cursor: int, extent: Extent) -> int:
    """The position at which a stream that is retained as `extent` says starts for `cursor` (rules 3 to 5)."""
    before_everything = extent.first - 1
    if cursor == 0:
        return before_everything
    if cursor > extent.last:
        raise InvalidCursor
    if cursor < before_everything:
        raise LastEventIdOutsideReplayWindow
    return cursor


@frozen
class NodeEvents:
    """The `EventStream` over one window and the stored stream behind it."""

    window: Window
    archive: Archive
    admission: Admission
    pause: float = PAUSE

    async def open(self, domain: DomainId, node: NodeId, after: int | None) -> Events:
        if not self.window.live:
            raise EventStreamUnavailable
        epoch = self.window.epoch
        position = await self._start(after)
        return self._follow(ToNode(domain, node), position, epoch)

    async def _start(self, after: int | None) -> int:
        if after and self.window.covers(after) and after <= self.window.tip:
            return after
        extent = await self.archive.extent()
        return extent.last if after is None else start(after, extent)

    async def _follow(self, node: ToNode, position: int, epoch: int) -> Events:
        """Ends when the stream is another one, and when the position is no longer retained."""
        audiences = (node, ToDomain(node.domain))
        with suppress(LastEventIdOutsideReplayWindow):
            async with aclosing(self._records(audiences, position, epoch)) as records:
                async for record in records:
                    event = await self._admitted(record)
                    if event is not None:
                        yield event
                        if _tells_of_departure(event, node.node):
                            return

    async def _admitted(self, record: Record) -> StreamedEvent | None:
        while True:
            try:
                return await self.admission.admit(record)
            except Unavailable:
                await asyncio.sleep(self.pause)

    async def _records(self, audiences: Sequence[Audience], position: int, epoch: int) -> AsyncGenerator[Record, None]:
        window = self.window
        while window.epoch == epoch:
            if not window.covers(position):
                seen = window.tip
                try:
                    async with aclosing(self._stored(audiences, position)) as stored:
                        async for record in stored:
                            yield record
                            position = record.sequence
                except Unavailable:
                    await asyncio.sleep(self.pause)
                    continue
                position = max(position, seen)
            elif records := window.behind(position, audiences):
                for record in records:
                    yield record
                position = records[-1].sequence
            else:
                # What came in between was for others: it need not be looked through again.
                position = max(position, await window.arrival(audiences) - 1)

    async def _stored(self, audiences: Sequence[Audience], position: int) -> AsyncGenerator[Record, None]:
        extent = await self.archive.extent()
        if position < extent.first - 1:
            raise LastEventIdOutsideReplayWindow
        async with aclosing(self.archive.read(audiences, position)) as chunks:
            async for chunk in chunks:
                for record in chunk:
                    yield record


def _tells_of_departure(event: StreamedEvent, node: NodeId) -> bool:
    if event.type != "peer_deregistered":
        return False
    return bool(json.loads(event.data)["payload"].get("peer_node_id") == str(node))
