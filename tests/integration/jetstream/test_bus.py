"""The signed stream on a real JetStream, faults included."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from nats.js.api import StreamConfig

from plexsphere_adapters.jetstream.connection import Bus, Config, connect, redacted
from plexsphere_adapters.jetstream.stream import DUPLICATE_WINDOW, STREAM
from plexsphere_adapters.jetstream.subjects import audience_of, subject_of
from plexsphere_domain.kernel.secrets import SecretStr
from plexsphere_domain.mesh.bus.admission import StreamedEvent
from plexsphere_domain.mesh.bus.announcements import Audience, ToDomain, ToNode
from plexsphere_domain.mesh.bus.errors import EventStreamUnavailable, InvalidCursor, LastEventIdOutsideReplayWindow
from tests.integration.jetstream.conftest import Mesh
from tests.integration.jetstream.server import Server
from tests.unit.mesh.bus.doubles import domain, node

ALL, MINE, OTHERS = ToDomain(domain(1)), ToNode(domain(1), node(1)), ToNode(domain(1), node(2))
FOREIGN: list[Audience] = [ToDomain(domain(2)), ToNode(domain(2), node(1))]
PATIENCE = 30


async def sequences(events: AsyncIterator[StreamedEvent], count: int) -> list[int]:
    async with asyncio.timeout(PATIENCE):
        return [(await anext(events)).sequence for _ in range(count)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 — the window has no event of its own for this
            await asyncio.sleep(0.01)


async def caught_up(mesh: Mesh, sequence: int) -> None:
    await until(lambda: mesh.window.tip >= sequence)


@pytest.mark.parametrize("audience", [ALL, MINE, *FOREIGN])
def test_subjects_name_audiences(audience: Audience) -> None:
    assert audience_of(subject_of(audience)) == audience


@pytest.mark.parametrize(
    "subject",
    ["other.events", "plexsphere.node.events.x.all", f"plexsphere.node.events.{domain(1)}", subject_of(MINE) + ".x"],
)
def test_other_subjects_name_nobody(subject: str) -> None:
    assert audience_of(subject) is None


def test_a_url_is_shown_without_its_user() -> None:
    url = SecretStr("nats://user:secret@one:4222, tls://token@two:4222,nats://three")
    assert redacted(url) == "nats://one:4222,tls://two:4222,nats://three"


class TestStream:
    async def test_it_is_created_as_it_has_to_be(self, bus: Bus) -> None:
        config = (await bus.session.js.stream_info(STREAM)).config
        assert config.subjects == ["plexsphere.node.events.>"]
        assert (config.max_age, config.max_bytes) == (24 * 3600, 2**30)
        assert timedelta(seconds=config.duplicate_window) == DUPLICATE_WINDOW
        assert (config.num_replicas, config.storage, config.discard) == (1, "file", "old")
        assert config.allow_direct

    async def test_one_that_differs_is_changed_and_keeps_what_it_holds(self, server: Server, bus: Bus) -> None:
        js = bus.session.js
        await js.delete_stream(STREAM)
        await js.add_stream(
            StreamConfig(name=STREAM, subjects=["plexsphere.node.events.>"], max_age=60, description="x")
        )
        await js.publish(subject_of(ALL), b"kept")
        async with connect(server.config) as another:
            info = await (await another.next_session()).js.stream_info(STREAM)
        assert (info.config.max_age, info.config.description, info.state.messages) == (24 * 3600, "x", 1)

    async def test_a_deleted_one_is_made_again(self, bus: Bus, mesh: Mesh) -> None:
        await mesh.open()
        await bus.session.js.delete_stream(STREAM)
        await mesh.tell_in_any_case(ALL)
        assert (await bus.session.js.stream_info(STREAM)).state.last_seq == 1


class TestConnection:
    async def test_a_start_without_nats_is_made_up_for(self, server: Server) -> None:
        await server.end(signal.SIGKILL)
        async with connect(server.config) as bus:
            with pytest.raises(EventStreamUnavailable):
                await bus.probe()
            await server.start()
            async with asyncio.timeout(PATIENCE):
                await bus.next_session()
            await bus.probe()

    async def test_wrong_credentials_are_an_outage(self, server: Server) -> None:
        async with connect(Config(url=SecretStr(f"nats://user:wrong@127.0.0.1:{server.port}"))) as bus:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await bus.next_session()


class TestPublishing:
    async def test_order_is_kept(self, mesh: Mesh) -> None:
        events = await mesh.open()
        messages = [mesh.message(ALL) for _ in range(2500)]
        await mesh.publisher.publish(messages)
        for message in messages:
            assert (await anext(events)).data == message.data

    async def test_a_message_that_is_known_is_not_stored_again(self, mesh: Mesh) -> None:
        first = mesh.message(ALL)
        await mesh.publisher.publish([first])
        await mesh.publisher.publish([first, mesh.message(ALL)])
        assert (await mesh.bus.session.js.stream_info(STREAM)).state.messages == 2

    async def test_without_nats_it_fails_at_once(self, server: Server, mesh: Mesh) -> None:
        await mesh.tell(ALL)
        await server.end(signal.SIGKILL)
        with pytest.raises(EventStreamUnavailable):
            async with asyncio.timeout(2):
                await mesh.tell(ALL)


class TestFollowing:
    async def test_a_node_gets_its_own_and_its_domains_events(self, mesh: Mesh) -> None:
        events = await mesh.open()
        await mesh.tell(ALL, OTHERS, *FOREIGN, MINE, ALL)
        assert await sequences(events, 3) == [1, 5, 6]

    async def test_without_a_cursor_nothing_older_is_sent(self, mesh: Mesh) -> None:
        await mesh.tell(ALL, MINE)
        events = await mesh.open()
        await mesh.tell(MINE)
        assert await sequences(events, 1) == [3]

    async def test_what_somebody_else_put_into_the_stream_is_dropped(self, mesh: Mesh) -> None:
        events = await mesh.open()
        await mesh.bus.session.js.publish(subject_of(ALL), b'{"forged":true}')
        await mesh.bus.session.js.publish("plexsphere.node.events.nobody", b"")
        await mesh.tell(ALL)
        assert await sequences(events, 1) == [3]
        assert [record.sequence for record, _ in mesh.observer.drops] == [1]

    async def test_a_thousand_connections_share_one_consumer(self, mesh: Mesh) -> None:
        streams = [await mesh.open() for _ in range(1000)]
        await mesh.tell(*[ALL] * 3)
        assert await asyncio.gather(*(sequences(events, 3) for events in streams)) == [[1, 2, 3]] * 1000
        assert (await mesh.bus.session.js.stream_info(STREAM)).state.consumer_count == 1


class TestResuming:
    """From the stored stream: the window of these processes began later, or is too small."""

    async def test_everything_retained_behind_the_cursor(self, bus: Bus, mesh: Mesh) -> None:
        await mesh.tell(*[ALL, OTHERS, *FOREIGN, MINE] * 200)
        await caught_up(mesh, 1000)
        mesh.window.restart(1000)
        expected = [n for n in range(1, 1001) if n % 5 in (1, 0)]
        assert await sequences(await mesh.open(after=0), 400) == expected
        assert await sequences(await mesh.open(after=500), 200) == expected[200:]
        assert (await bus.session.js.stream_info(STREAM)).state.consumer_count <= 3

    async def test_hand_over_under_concurrent_publishing(self, mesh: Mesh) -> None:
        mesh.window.max_records = 50
        await mesh.tell(*[ALL, OTHERS] * 500)
        publishing = asyncio.create_task(mesh.tell(*[ALL, MINE, OTHERS, *FOREIGN] * 500))
        streams = [await mesh.open(after=cursor) for cursor in (0, 1, 500, 999) for _ in range(5)]
        received = await asyncio.gather(*(sequences(events, 1000) for events in streams))
        await publishing
        wanted = [n for n in range(1, 1001) if n % 2] + [n for n in range(1001, 3501) if n % 5 in (1, 2)]
        for index, cursor in enumerate([c for c in (0, 1, 500, 999) for _ in range(5)]):
            assert received[index] == [n for n in wanted if n > cursor][:1000]

    async def test_a_slow_reader_loses_nothing(self, mesh: Mesh) -> None:
        mesh.window.max_records = 10
        events = await mesh.open()
        await mesh.tell(*[MINE] * 20)
        assert await sequences(events, 1) == [1]
        await mesh.tell(*[MINE] * 600)
        await caught_up(mesh, 620)
        assert await sequences(events, 619) == list(range(2, 621))

    async def test_a_cursor_beyond_the_end_is_invalid(self, mesh: Mesh) -> None:
        await mesh.tell(ALL)
        await mesh.open(after=1)
        with pytest.raises(InvalidCursor):
            await mesh.open(after=2)

    async def test_a_cursor_before_what_is_retained_is_refused(self, bus: Bus, mesh: Mesh) -> None:
        await mesh.tell(*[ALL] * 10)
        await caught_up(mesh, 10)
        await bus.session.js.purge_stream(STREAM, seq=6)
        mesh.window.restart(10)
        for cursor in (1, 4):
            with pytest.raises(LastEventIdOutsideReplayWindow):
                await mesh.open(after=cursor)
        assert await sequences(await mesh.open(after=5), 5) == [6, 7, 8, 9, 10]
        assert await sequences(await mesh.open(after=0), 5) == [6, 7, 8, 9, 10]


class TestOutages:
    async def test_a_connection_survives_the_death_of_nats_and_loses_nothing(self, server: Server, mesh: Mesh) -> None:
        events = await mesh.open()
        await mesh.tell(*[ALL] * 5)
        assert await sequences(events, 5) == [1, 2, 3, 4, 5]
        await server.restart()
        await mesh.tell_in_any_case(ALL, MINE)
        assert await sequences(events, 2) == [6, 7]

    async def test_publishing_while_nats_dies_loses_and_repeats_nothing(self, server: Server, mesh: Mesh) -> None:
        events = await mesh.open()

        async def publish() -> None:
            for _ in range(40):
                await mesh.tell_in_any_case(*[ALL] * 25)

        publishing = asyncio.create_task(publish())
        for killed_at in (100, 500):
            await caught_up(mesh, killed_at)
            await server.restart()
        await publishing
        assert await sequences(events, 1000) == list(range(1, 1001))
        ids = [record.data for record in mesh.window.behind(0, [ALL])]
        assert len(set(ids)) == 1000

    async def test_a_new_connection_is_refused_while_nats_is_away(self, server: Server, mesh: Mesh) -> None:
        await mesh.open()
        await server.end(signal.SIGKILL)
        await until(lambda: not mesh.window.live)
        for cursor in (None, 0):
            with pytest.raises(EventStreamUnavailable):
                await mesh.events.open(domain(1), node(1), cursor)

    async def test_connections_end_when_the_stream_was_rebuilt(self, bus: Bus, mesh: Mesh) -> None:
        events = await mesh.open()
        await mesh.tell(*[ALL] * 5)
        assert await sequences(events, 5) == [1, 2, 3, 4, 5]
        await bus.session.js.delete_stream(STREAM)
        await mesh.tell_in_any_case(ALL)
        async with asyncio.timeout(PATIENCE):
            assert await anext(events, None) is None
        with pytest.raises(InvalidCursor):
            await mesh.open(after=5)

    async def test_a_silent_driver_is_found_out(self, bus: Bus, mesh: Mesh) -> None:
        events = await mesh.open()
        first = bus.session
        await first.client.close()
        await mesh.tell_in_any_case(ALL)
        assert bus.session is not first
        assert await sequences(events, 1) == [1]


@pytest.mark.parametrize("moments", [0, 1, 3, 10, 30])
async def test_a_bus_is_left_at_once_even_while_it_connects(server, moments):
    """The driver swallows a cancellation that meets it while it connects."""

    async def visit():
        async with connect(server.config):
            for _ in range(moments):
                await asyncio.sleep(0)

    _, pending = await asyncio.wait([visiting := asyncio.create_task(visit())], timeout=3)
    visiting.cancel()
    assert not pending
