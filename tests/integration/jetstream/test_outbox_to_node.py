"""From a committed fact to the Node that follows, while NATS is killed under way."""

import asyncio
import json
from uuid import uuid4

from attrs import frozen

from plexsphere_adapters.jetstream.reports import RelayReports
from plexsphere_adapters.postgres import pool as pools
from plexsphere_adapters.postgres.notifications import Notifications
from plexsphere_adapters.postgres.outbox import CHANNEL, SHARDS, PostgresOutbox
from plexsphere_adapters.postgres.pool import Config, Pool
from plexsphere_adapters.postgres.relay import PostgresBacklog
from plexsphere_adapters.postgres.relay_worker import RelayWorker
from plexsphere_adapters.system.clock import SystemClock
from plexsphere_domain.kernel.events import DomainEvent
from plexsphere_domain.kernel.ids import NodeId
from plexsphere_domain.mesh.bus.relay import Relay
from tests.integration.jetstream.conftest import Mesh
from tests.integration.jetstream.server import Server
from tests.integration.postgres.conftest import database
from tests.unit.mesh.bus.doubles import domain

__all__ = ["database"]

FACTS = 600


@frozen(kw_only=True)
class NodeDeregistered(DomainEvent):
    node_id: NodeId


def worker(database: Config, pool: Pool, notifications: Notifications, mesh: Mesh) -> RelayWorker:
    clock = SystemClock()
    relays = [
        Relay(PostgresBacklog(pool, shard), mesh.keys, mesh.publisher, clock, RelayReports(clock, shard))
        for shard in range(SHARDS)
    ]
    return RelayWorker(database, pool, notifications, relays)


async def commit(pool: Pool, nodes: list[NodeId]) -> None:
    """One fact in one transaction after the other."""
    for node in nodes:
        async with pool.connection() as held, held.transaction():
            outbox = PostgresOutbox(connection=held, clock=SystemClock(), new_id=uuid4)
            await outbox.append(NodeDeregistered(domain_id=domain(1), node_id=node))


async def test_every_fact_arrives_once_and_in_order(database: Config, server: Server, mesh: Mesh) -> None:
    nodes = [NodeId(uuid4()) for _ in range(FACTS)]
    notifications = Notifications(database, CHANNEL)
    async with pools.pool(database) as pool, asyncio.timeout(60):
        events = await mesh.open()
        running = [
            asyncio.create_task(run)
            for run in (notifications.run(), worker(database, pool, notifications, mesh).run(), commit(pool, nodes))
        ]
        received: list[str] = []
        async for event in events:
            received.append(json.loads(event.data)["payload"]["peer_node_id"])
            if len(received) in (FACTS // 4, FACTS // 2):
                await server.restart()
            if len(received) == FACTS:
                break
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    assert received == [str(node) for node in nodes]
