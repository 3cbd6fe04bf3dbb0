"""The relay on the real outbox: its cursor, what it sets aside, and the one worker that runs it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from attrs import define, frozen

from plexsphere_adapters.jetstream.reports import RelayReports
from plexsphere_adapters.memory.bus import MemoryStream
from plexsphere_adapters.postgres import pool as pools
from plexsphere_adapters.postgres import relay_worker
from plexsphere_adapters.postgres.notifications import Notifications
from plexsphere_adapters.postgres.outbox import CHANNEL, SHARDS, PostgresOutbox, shard_of
from plexsphere_adapters.postgres.pool import Config, Pool
from plexsphere_adapters.postgres.relay import PostgresBacklog, busy
from plexsphere_adapters.postgres.relay_worker import RelayWorker
from plexsphere_adapters.postgres.sql import Connection
from plexsphere_adapters.system.clock import SystemClock
from plexsphere_domain.kernel.events import DomainEvent
from plexsphere_domain.kernel.ids import DomainId, NodeId
from plexsphere_domain.mesh.bus.announcements import ToDomain
from plexsphere_domain.mesh.bus.errors import CursorMoved
from plexsphere_domain.mesh.bus.ports import Message
from plexsphere_domain.mesh.bus.relay import Relay
from tests.unit.mesh.bus.doubles import Keys

PATIENCE = 20


@frozen(kw_only=True)
class DomainMeshChanged(DomainEvent):
    pass


@frozen(kw_only=True)
class NodeStateUpdated(DomainEvent):
    node_id: NodeId


async def append(connection: Connection, *events: DomainEvent) -> None:
    outbox = PostgresOutbox(connection=connection, clock=SystemClock(), new_id=uuid4)
    async with connection.transaction():
        await outbox.append(*events)


async def tell(pool: Pool, *events: DomainEvent) -> None:
    async with pool.connection() as connection:
        await append(connection, *events)


@pytest.fixture
async def pool(database: Config) -> AsyncIterator[Pool]:
    """The outbox as it is before anything happened."""
    async with pools.pool(database) as pool:
        async with pool.connection() as connection:
            await connection.execute(
                "TRUNCATE plexsphere.outbox, plexsphere.outbox_cursors, plexsphere.outbox_parked RESTART IDENTITY"
            )
        yield pool


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def domain() -> DomainId:
    return DomainId(uuid4())


@pytest.fixture
def backlog(pool: Pool, domain: DomainId) -> PostgresBacklog:
    return PostgresBacklog(pool, shard_of(domain))


class TestBacklog:
    async def test_facts_come_in_order_and_once(self, pool: Pool, domain: DomainId, backlog: PostgresBacklog) -> None:
        node = NodeId(uuid4())
        await tell(pool, DomainMeshChanged(domain_id=domain), NodeStateUpdated(domain_id=domain, node_id=node))
        await tell(pool, DomainMeshChanged(domain_id=domain))
        first = await backlog.read(2)
        assert [fact.type for fact in first.facts] == ["DomainMeshChanged", "NodeStateUpdated"]
        assert first.facts[1].payload["node_id"] == str(node)
        assert first.facts[1].domain_id == domain
        await backlog.advance(first, [])
        second = await backlog.read(2)
        assert len(second.facts) == 1
        await backlog.advance(second, [])
        assert not (await backlog.read(2)).facts

    async def test_of_two_that_advance_one_wins(self, pool: Pool, domain: DomainId, backlog: PostgresBacklog) -> None:
        for _ in range(2):
            await tell(pool, DomainMeshChanged(domain_id=domain))
            batch = await backlog.read(10)
            outcomes = await asyncio.gather(*(backlog.advance(batch, []) for _ in range(4)), return_exceptions=True)
            assert [type(outcome) for outcome in outcomes if outcome] == [CursorMoved] * 3

    async def test_what_is_set_aside_survives_the_outbox(
        self, pool: Pool, domain: DomainId, backlog: PostgresBacklog
    ) -> None:
        await tell(pool, *[DomainMeshChanged(domain_id=domain)] * 5)
        batch = await backlog.read(10)
        await backlog.advance(batch, [batch.facts[1], batch.facts[3], batch.facts[4]])
        async with pool.connection() as connection:
            await connection.execute("DELETE FROM plexsphere.outbox")
        assert await backlog.waiting() == {domain}
        assert await backlog.count_aside() == 3
        oldest = await backlog.aside(domain, 2)
        assert list(oldest) == [batch.facts[1], batch.facts[3]]
        await backlog.release(oldest)
        assert list(await backlog.aside(domain, 2)) == [batch.facts[4]]

    async def test_nothing_is_set_aside_when_the_cursor_moved(
        self, pool: Pool, domain: DomainId, backlog: PostgresBacklog
    ) -> None:
        await tell(pool, DomainMeshChanged(domain_id=domain))
        batch = await backlog.read(10)
        await backlog.advance(batch, [])
        with pytest.raises(CursorMoved):
            await backlog.advance(batch, batch.facts)
        assert await backlog.count_aside() == 0


class TestWorker:
    @asynccontextmanager
    async def working(self, database: Config, pool: Pool, keys: Keys, stream: MemoryStream) -> AsyncIterator[None]:
        clock = SystemClock()
        notifications = Notifications(database, CHANNEL)
        relays = [
            Relay(PostgresBacklog(pool, shard), keys, stream, clock, RelayReports(clock, shard))
            for shard in range(SHARDS)
        ]
        worker = RelayWorker(database, pool, notifications, relays)
        tasks = [asyncio.create_task(run) for run in (notifications.run(), worker.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 — a test looks from outside
                await asyncio.sleep(0.005)

    async def test_it_relays_what_is_committed(self, database: Config, pool: Pool, keys: Keys) -> None:
        stream = MemoryStream()
        domains = [DomainId(uuid4()) for _ in range(50)]
        for domain in domains:
            keys.add(domain)
        async with self.working(database, pool, keys, stream):
            for domain in domains:
                await tell(pool, DomainMeshChanged(domain_id=domain))
            await self.until(lambda: len(stream.records) >= 50)
        assert {record.audience for record in stream.records} == {ToDomain(domain) for domain in domains}
        assert len(stream.records) == 50

    async def test_of_several_workers_one_relays(self, database: Config, pool: Pool, keys: Keys) -> None:
        domain = DomainId(uuid4())
        keys.add(domain)
        streams = [MemoryStream() for _ in range(3)]
        async with (
            self.working(database, pool, keys, streams[0]),
            self.working(database, pool, keys, streams[1]),
            self.working(database, pool, keys, streams[2]),
        ):
            for _ in range(20):
                await tell(pool, DomainMeshChanged(domain_id=domain))
            await self.until(lambda: sum(len(stream.records) for stream in streams) >= 20)
        assert sorted(len(stream.records) for stream in streams) == [0, 0, 20]

    async def test_an_older_transaction_only_delays(
        self, database: Config, pool: Pool, keys: Keys, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(relay_worker, "TICK", 10 * PATIENCE)
        domain = DomainId(uuid4())
        keys.add(domain)
        stream = MemoryStream()
        async with self.working(database, pool, keys, stream), pool.connection() as older:
            async with older.transaction():
                await older.execute("SELECT pg_current_xact_id()")
                await tell(pool, DomainMeshChanged(domain_id=domain))
                assert shard_of(domain) in await busy(pool)
                assert not stream.records
            await self.until(lambda: bool(stream.records))

    async def test_outages_are_waited_out(self, database: Config, pool: Pool, keys: Keys) -> None:
        @define
        class Unreachable(MemoryStream):
            attempts: int = 0

            async def publish(self, messages: Sequence[Message]) -> None:
                self.attempts += 1
                await super().publish(messages)

        domain = DomainId(uuid4())
        keys.add(domain)
        stream = Unreachable(reachable=False)
        async with self.working(database, pool, keys, stream):
            await tell(pool, DomainMeshChanged(domain_id=domain))
            await self.until(lambda: stream.attempts > 1)
            stream.reachable = True
            await self.until(lambda: bool(stream.records))

    async def test_parked_facts_flow_when_the_key_exists(self, database: Config, pool: Pool, keys: Keys) -> None:
        domain, other = DomainId(uuid4()), DomainId(uuid4())
        keys.add(other)
        stream = MemoryStream()
        async with self.working(database, pool, keys, stream):
            await tell(pool, DomainMeshChanged(domain_id=domain), DomainMeshChanged(domain_id=other))
            await self.until(lambda: len(stream.records) == 1)
            keys.add(domain)
            await self.until(lambda: len(stream.records) == 2)
