"""PostgreSQL and SpiceDB together, with the projection between them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from attrs import frozen

from plexsphere_adapters.postgres.authz import PROJECTED, PostgresTupleLedger
from plexsphere_adapters.postgres.notifications import Notifications
from plexsphere_adapters.postgres.outbox import CHANNEL, PostgresOutbox
from plexsphere_adapters.postgres.pool import Config, Pool, connection
from plexsphere_adapters.postgres.projection import PostgresProjection, ProjectionWorker
from plexsphere_adapters.postgres.sql import fetch_one
from plexsphere_adapters.system import SystemClock, uuid7
from plexsphere_domain.authz.projector import TupleProjector
from plexsphere_domain.kernel.events import DomainEvent
from tests.integration.postgres.conftest import database, pool
from tests.integration.spicedb.conftest import Graph, engine, graph, spicedb

__all__ = ["database", "engine", "graph", "pool", "spicedb"]


@frozen
class System:
    """What a process has of authorisation, short of the gate itself."""

    config: Config
    pool: Pool
    notifications: Notifications
    graph: Graph

    @property
    def projector(self) -> TupleProjector:
        return TupleProjector(ledger=PostgresTupleLedger(self.pool), graph=self.graph)

    @property
    def projection(self) -> PostgresProjection:
        return PostgresProjection(self.pool, self.notifications)

    async def publish(self, *events: DomainEvent) -> None:
        """Commit facts to the outbox."""
        async with connection(self.pool) as held, held.transaction():
            await PostgresOutbox(connection=held, clock=SystemClock(), new_id=uuid7).append(*events)

    async def watermark(self) -> str | None:
        async with connection(self.pool) as held:
            row = await fetch_one(held, "SELECT revision FROM plexsphere.graph_watermark")
        assert row is not None
        return row["revision"]

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """A worker runs while the block does."""
        with running(ProjectionWorker(self.config, self.pool, self.notifications, self.projector).run()):
            yield


@contextmanager
def running(coroutine) -> Iterator[None]:
    task = asyncio.get_running_loop().create_task(coroutine)
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()


@pytest.fixture
async def system(database: Config, pool: Pool, graph: Graph) -> AsyncIterator[System]:
    notifications = Notifications(database, CHANNEL, PROJECTED)
    with running(notifications.run()):
        yield System(database, pool, notifications, graph)
