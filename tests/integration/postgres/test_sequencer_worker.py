"""The sequencer as a background worker: alone at its work, and replaced when it goes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from attrs import define, field

from plexsphere_adapters.postgres.pool import Config, Pool
from plexsphere_adapters.postgres.sequencer_worker import SequencerWorker
from plexsphere_domain.audit.model import Scope
from plexsphere_domain.audit.sequencer import Progress
from plexsphere_domain.kernel.sealing import Sealed
from tests.integration.postgres.test_audit import PostgresAuditStore
from tests.ports.audit import System, record


@define
class Replica:
    """One worker, and what it reports."""

    worker: SequencerWorker = field(init=False)
    turns: "asyncio.Queue[Progress]" = field(factory=asyncio.Queue)

    async def turn(self) -> Progress:
        """The next turn that it takes."""
        while not self.turns.empty():
            self.turns.get_nowait()
        return await asyncio.wait_for(self.turns.get(), 10)

    async def chained(self, store: PostgresAuditStore, scope: Scope) -> None:
        """Returns when nothing of `scope` waits any more, by the work of this replica alone."""
        while await store.holds(scope):
            await self.turn()


@pytest.fixture
def store(pool: Pool) -> PostgresAuditStore:
    return PostgresAuditStore(pool)


@pytest.fixture
def domain(store: PostgresAuditStore) -> Scope:
    scope = Scope(uuid4())
    store.domains.add(scope)
    return scope


@asynccontextmanager
async def replica(database: Config, store: PostgresAuditStore) -> AsyncIterator[Replica]:
    made = Replica()
    made.worker = SequencerWorker(database, System(store).sequencer, made.turns.put_nowait)
    task = asyncio.create_task(made.worker.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_one_replica_works_and_another_takes_over(
    database: Config, store: PostgresAuditStore, domain: Scope
) -> None:
    async with replica(database, store) as first:
        await first.turn()
        async with replica(database, store) as second:
            await store.record([record(domain)])
            await first.chained(store, domain)
            assert second.turns.empty()
    async with replica(database, store) as third:
        await store.record([record(domain)])
        await third.chained(store, domain)
    assert (await store.end(domain))[0].seq == 2


async def test_a_chain_that_stands_still_is_reported_every_turn(
    database: Config, store: PostgresAuditStore, domain: Scope
) -> None:
    await store.found(domain, Sealed("no such key", b"no pepper"))
    await store.record([record(domain)])
    async with replica(database, store) as only:
        for _ in range(2):
            assert domain in (await only.turn()).aside
