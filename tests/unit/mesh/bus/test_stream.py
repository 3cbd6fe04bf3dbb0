import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_adapters.memory.bus import MemoryStream
from plexsphere_domain.mesh.bus.admission import Admission, StreamedEvent
from plexsphere_domain.mesh.bus.announcements import Audience, ToDomain, ToNode
from plexsphere_domain.mesh.bus.errors import EventStreamUnavailable, InvalidCursor, LastEventIdOutsideReplayWindow
from plexsphere_domain.mesh.bus.ports import Extent
from plexsphere_domain.mesh.bus.stream import NodeEvents, parse_cursor, start
from plexsphere_domain.mesh.bus.window import Window
from tests.unit.mesh.bus.doubles import Keys, Observer, check, domain, node

AUDIENCES: Sequence[Audience] = [
    ToDomain(domain(1)),
    ToNode(domain(1), node(1)),
    ToNode(domain(1), node(2)),
    ToDomain(domain(2)),
    ToNode(domain(2), node(1)),
]
MINE = AUDIENCES[:2]
"""The audiences to which Node 1 of Domain 1 belongs."""


class Scene:
    """A stream of genuine records, and the events of Node 1 of Domain 1 on it."""

    def __init__(self, max_records: int = 8192) -> None:
        self.keys, self.observer = Keys(), Observer()
        self.keys.add(domain(1))
        self.keys.add(domain(2))
        self.stream = MemoryStream(Window(max_records=max_records))
        admission = Admission(self.keys, check, self.observer)
        self.events = NodeEvents(self.stream.window, self.stream, admission, pause=0.001)

    def tell(self, *audiences: Audience) -> None:
        for audience in audiences:
            self.stream.store(audience, self.keys.envelope(audience, id=str(self.stream.last + 1)))

    async def open(self, after: int | None = None) -> AsyncIterator[StreamedEvent]:
        return await self.events.open(domain(1), node(1), after)


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def sequences(events: AsyncIterator[StreamedEvent], count: int) -> list[int]:
    return [(await anext(events)).sequence for _ in range(count)]


async def ends(events: AsyncIterator[StreamedEvent]) -> bool:
    return await anext(events, None) is None


async def blocked(events: AsyncIterator[StreamedEvent]) -> "asyncio.Task[StreamedEvent]":
    """The next event, once the connection waits for it."""
    task = asyncio.ensure_future(anext(events))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not task.done()
    return task


class TestCursor:
    @pytest.mark.parametrize(
        ("text", "cursor"), [(None, None), ("", None), ("0", 0), ("17", 17), ("007", 7), (str(2**63 - 1), 2**63 - 1)]
    )
    def test_integers_are_cursors(self, text: str | None, cursor: int | None) -> None:
        assert parse_cursor(text) == cursor

    @pytest.mark.parametrize("text", ["-1", "+1", "1.0", "x", " 1", "1 ", "1_0", "٣", "1e3", str(2**63), "9" * 5000])
    def test_anything_else_is_invalid(self, text: str) -> None:
        with pytest.raises(InvalidCursor):
            parse_cursor(text)

    @pytest.mark.parametrize(
        ("cursor", "extent", "position"),
        [
            (0, Extent(1, 0), 0),
            (0, Extent(8, 9), 7),
            (7, Extent(8, 9), 7),
            (9, Extent(8, 9), 9),
            (9, Extent(10, 9), 9),
        ],
    )
    def test_where_it_starts(self, cursor: int, extent: Extent, position: int) -> None:
        assert start(cursor, extent) == position

    @pytest.mark.parametrize(
        ("cursor", "extent", "refusal"),
        [
            (1, Extent(1, 0), InvalidCursor),
            (10, Extent(8, 9), InvalidCursor),
            (6, Extent(8, 9), LastEventIdOutsideReplayWindow),
            (8, Extent(10, 9), LastEventIdOutsideReplayWindow),
        ],
    )
    def test_where_it_cannot_start(self, cursor: int, extent: Extent, refusal: type[Exception]) -> None:
        with pytest.raises(refusal):
            start(cursor, extent)


class TestFollowing:
    async def test_without_a_cursor_nothing_older_is_sent(self, scene: Scene) -> None:
        scene.tell(*MINE)
        events = await scene.open()
        scene.tell(*MINE)
        assert await sequences(events, 2) == [3, 4]

    async def test_a_waiting_connection_is_woken(self, scene: Scene) -> None:
        events = await scene.open()
        waiting = await blocked(events)
        scene.tell(AUDIENCES[3], AUDIENCES[2], MINE[1])
        assert (await waiting).sequence == 3

    async def test_a_quiet_connection_needs_no_replay_after_the_window_moved_on(self) -> None:
        scene = Scene(max_records=4)
        events = await scene.open()
        waiting = await blocked(events)
        scene.tell(*[AUDIENCES[3]] * 50, MINE[0])
        scene.stream.reachable = False
        assert (await waiting).sequence == 51

    async def test_forged_records_are_left_out(self, scene: Scene) -> None:
        events = await scene.open()
        scene.stream.store(MINE[0], b"forged")
        scene.tell(MINE[0])
        assert await sequences(events, 1) == [2]


class TestResuming:
    async def test_everything_behind_the_cursor_comes_once_and_in_order(self, scene: Scene) -> None:
        scene.tell(*AUDIENCES * 3)
        events = await scene.open(after=6)
        scene.tell(*AUDIENCES)
        assert await sequences(events, 5) == [7, 11, 12, 16, 17]

    async def test_zero_replays_what_is_retained(self, scene: Scene) -> None:
        scene.tell(*MINE * 3)
        scene.stream.expire(3)
        scene.stream.window.restart(6)
        assert await sequences(await scene.open(after=0), 3) == [4, 5, 6]

    async def test_a_slow_reader_loses_nothing(self) -> None:
        scene = Scene(max_records=4)
        events = await scene.open()
        scene.tell(*MINE * 3)
        assert await sequences(events, 1) == [1]
        scene.tell(*MINE * 20)
        assert await sequences(events, 45) == list(range(2, 47))

    @given(
        before=st.lists(st.sampled_from(AUDIENCES), max_size=30),
        between=st.lists(st.lists(st.sampled_from(AUDIENCES), max_size=6), max_size=12),
        window=st.integers(1, 8),
        data=st.data(),
    )
    async def test_no_gap_and_no_duplicate_however_the_window_moves(
        self, before: list[Audience], between: list[list[Audience]], window: int, data: st.DataObject
    ) -> None:
        scene = Scene(max_records=window)
        scene.tell(*before)
        cursor = data.draw(st.integers(1, len(before)) if before else st.none())
        events = await scene.open(after=cursor)
        expected = [n for n, audience in enumerate(before, 1) if audience in MINE and n > (cursor or 0)]
        received: list[int] = []
        for burst in between:
            expected += [n for n, audience in enumerate(burst, scene.stream.last + 1) if audience in MINE]
            scene.tell(*burst)
            if len(received) < len(expected):
                received += await sequences(events, data.draw(st.integers(0, len(expected) - len(received))))
        assert received + await sequences(events, len(expected) - len(received)) == expected


class TestRefusals:
    async def test_a_cursor_of_another_stream_is_invalid(self, scene: Scene) -> None:
        scene.tell(MINE[0])
        with pytest.raises(InvalidCursor):
            await scene.open(after=2)

    async def test_a_cursor_before_the_retained_part_is_refused(self) -> None:
        scene = Scene(max_records=2)
        scene.tell(*MINE * 5)
        scene.stream.expire(6)
        with pytest.raises(LastEventIdOutsideReplayWindow):
            await scene.open(after=5)

    async def test_a_bus_that_is_away_is_told_before_anything_else(self, scene: Scene) -> None:
        scene.stream.window.live = False
        for after in [None, 0, 5]:
            with pytest.raises(EventStreamUnavailable):
                await scene.open(after)


class TestEndings:
    async def test_it_ends_when_the_stream_becomes_another_one(self, scene: Scene) -> None:
        events = await scene.open()
        waiting = await blocked(events)
        scene.stream.rebuild()
        with pytest.raises(StopAsyncIteration):
            await waiting

    async def test_it_ends_when_its_position_expires(self) -> None:
        scene = Scene(max_records=2)
        events = await scene.open()
        scene.tell(*MINE * 5)
        scene.stream.expire(5)
        assert await ends(events)

    async def test_it_ends_with_the_departure_of_its_node_and_no_other(self, scene: Scene) -> None:
        events = await scene.open()
        for number in (2, 1):
            gone = scene.keys.envelope(MINE[0], payload={"peer_node_id": str(node(number))}, type="peer_deregistered")
            scene.stream.store(MINE[0], gone)
        scene.tell(MINE[0])
        assert await sequences(events, 2) == [1, 2]
        assert await ends(events)


class TestOutages:
    async def test_it_waits_for_a_key_that_cannot_be_had(self, scene: Scene) -> None:
        scene.tell(*MINE)
        scene.keys.reachable = False
        waiting = await blocked(await scene.open(after=1))
        scene.keys.reachable = True
        assert (await waiting).sequence == 2

    async def test_it_waits_for_the_stored_stream_and_goes_on_where_it_was(self) -> None:
        scene = Scene(max_records=2)
        events = await scene.open()
        scene.tell(*MINE * 5)
        assert await sequences(events, 1) == [1]
        scene.stream.reachable = False
        scene.tell(*MINE * 200)
        received = await sequences(events, 9)
        waiting = await blocked(events)
        scene.stream.reachable = True
        received.append((await waiting).sequence)
        assert received == list(range(2, 12))
