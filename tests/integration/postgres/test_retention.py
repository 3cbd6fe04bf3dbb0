"""The outbox does not grow for ever, and loses nothing that anybody still wants."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from attrs import frozen

from plexsphere_adapters.postgres import retention
from plexsphere_adapters.postgres.outbox import OutboxReader, PostgresOutbox, shard_of
from plexsphere_adapters.postgres.pool import Pool
from plexsphere_adapters.postgres.retention import OutboxRetention
from plexsphere_domain.kernel.events import DomainEvent
from plexsphere_domain.kernel.ids import DomainId

CONSUMERS = ("relay", "authz")


@frozen(kw_only=True)
class Happened(DomainEvent):
    pass


@frozen
class Ago:
    """A clock that stands so far in the past."""

    age: timedelta

    def now(self) -> datetime:
        return datetime.now(UTC) - self.age


@frozen
class Shard:
    """A Domain's part of an outbox of its own."""

    pool: Pool
    domain: DomainId

    @property
    def retention(self) -> OutboxRetention:
        return OutboxRetention(self.pool, CONSUMERS)

    async def happened(self, *, ago: timedelta, times: int = 1) -> None:
        async with self.pool.connection() as held, held.transaction():
            outbox = PostgresOutbox(connection=held, clock=Ago(ago), new_id=uuid4)
            await outbox.append(*(Happened(domain_id=self.domain) for _ in range(times)))

    async def consumed_by(self, *consumers: str) -> None:
        async with self.pool.connection() as held:
            for consumer in consumers:
                reader = OutboxReader(consumer=consumer)
                reading = await reader.read(held, shard_of(self.domain), 100)
                assert reading is not None
                await reader.advance(held, shard_of(self.domain), reading.end)

    async def left(self) -> int:
        async with self.pool.connection() as held:
            cursor = await held.execute("SELECT count(*) FROM plexsphere.outbox WHERE domain_id = %s", (self.domain,))
            row = await cursor.fetchone()
        return int(row[0]) if row else 0


OLD, YOUNG = timedelta(hours=25), timedelta(hours=23)


@pytest.fixture
async def shard(pool: Pool) -> Shard:
    async with pool.connection() as held:
        await held.execute("TRUNCATE plexsphere.outbox, plexsphere.outbox_cursors")
    return Shard(pool, DomainId(uuid4()))


async def test_what_is_old_and_consumed_goes(shard: Shard) -> None:
    await shard.happened(ago=OLD, times=3)
    await shard.happened(ago=YOUNG)
    await shard.consumed_by(*CONSUMERS)
    assert await shard.retention.sweep() == 3
    assert await shard.left() == 1


async def test_what_a_consumer_has_not_seen_stays(shard: Shard) -> None:
    await shard.happened(ago=OLD)
    await shard.consumed_by("relay")
    assert await shard.retention.sweep() == 0
    await shard.consumed_by("authz")
    await shard.happened(ago=OLD)
    assert await shard.retention.sweep() == 1
    assert await shard.left() == 1


async def test_many_go_in_many_statements(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    await shard.happened(ago=OLD, times=7)
    await shard.consumed_by(*CONSUMERS)
    assert await shard.retention.sweep() == 7
