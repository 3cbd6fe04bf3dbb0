"""The outbox: every fact reaches every consumer, in order, however its transactions overlap."""

from uuid import uuid4

import pytest

from plexsphere_adapters.postgres.outbox import OutboxReader, PostgresOutbox, shard_of
from plexsphere_adapters.postgres.pool import Pool, connection
from plexsphere_adapters.postgres.sql import Connection
from plexsphere_adapters.system import SystemClock, uuid7
from plexsphere_domain.kernel.ids import DomainId, NodeId
from plexsphere_domain.mesh.nodes.events import NodeStateUpdated
from plexsphere_domain.tenancy.domains.events import DomainUpdated


@pytest.fixture
def domain() -> DomainId:
    return DomainId(uuid4())


def outbox(held: Connection) -> PostgresOutbox:
    return PostgresOutbox(connection=held, clock=SystemClock(), new_id=uuid7)


async def read(pool: Pool, reader: OutboxReader, domain: DomainId) -> list[str]:
    """The types of the Domain's facts that the reader is given; its cursor moves behind them."""
    shard = shard_of(domain)
    async with connection(pool) as held:
        reading = await reader.read(held, shard, 10_000)
        if reading is None:
            return []
        await reader.advance(held, shard, reading.end)
    return [event.type for event in reading.events if event.domain_id == domain]


async def test_a_fact_that_commits_late_is_not_skipped(pool: Pool, domain: DomainId) -> None:
    reader = OutboxReader(consumer=f"late-{domain}")
    async with connection(pool) as early, connection(pool) as late:
        async with early.transaction():
            await outbox(early).append(DomainUpdated(domain_id=domain))
            async with late.transaction():
                await outbox(late).append(NodeStateUpdated(domain_id=domain, node_id=NodeId(uuid4())))
            assert await read(pool, reader, domain) == []
            async with connection(pool) as held:
                assert shard_of(domain) in await reader.waiting(held)
        assert await read(pool, reader, domain) == ["DomainUpdated", "NodeStateUpdated"]
    assert await read(pool, reader, domain) == []


async def test_nothing_of_a_transaction_that_rolled_back(pool: Pool, domain: DomainId) -> None:
    reader = OutboxReader(consumer=f"gone-{domain}")
    async with connection(pool) as held, held.transaction(force_rollback=True):
        await outbox(held).append(DomainUpdated(domain_id=domain))
    assert await read(pool, reader, domain) == []


async def test_a_consumer_is_given_its_types_and_passes_the_others(pool: Pool, domain: DomainId) -> None:
    reader = OutboxReader(consumer=f"types-{domain}", types=frozenset({"NodeStateUpdated"}))
    async with connection(pool) as held, held.transaction():
        node = NodeId(uuid4())
        await outbox(held).append(
            DomainUpdated(domain_id=domain),
            NodeStateUpdated(domain_id=domain, node_id=node),
            DomainUpdated(domain_id=domain),
        )
    assert await read(pool, reader, domain) == ["NodeStateUpdated"]
    async with connection(pool) as held:
        assert shard_of(domain) not in await reader.waiting(held)
