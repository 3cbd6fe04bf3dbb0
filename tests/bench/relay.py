"""From the outbox to the stream, signed, against bare asynchronous publishes of the same bytes."""

import asyncio
import time
from uuid import UUID

import nats
from nats.js.api import StreamConfig

from plexsphere_adapters.jetstream.stream import STREAM
from plexsphere_adapters.postgres import pool as postgres
from plexsphere_adapters.postgres.outbox import PostgresOutbox
from plexsphere_adapters.system import SystemClock, uuid7
from plexsphere_apps.embedded.ready_file import Facts
from plexsphere_domain.kernel.ids import DomainId, NodeId
from plexsphere_domain.kernel.secrets import SecretStr
from plexsphere_domain.mesh.nodes.events import NodeStateUpdated
from tests.bench.fleet import fleet
from tests.bench.report import Ratio, at_least

EVENTS = 20_000
NODES = 50
IN_FLIGHT = 1000


async def run(facts: Facts) -> Ratio:
    mesh = await fleet(facts, "bench-relay", "10.104.0.0/16", NODES)
    nodes = [member.id for member in mesh.members]
    client = await nats.connect(str(facts.nats_url))
    js = client.jetstream()
    try:
        await _announced(facts, js, mesh.domain, nodes, NODES)  # the Domain's key, and warm code paths
        ours = await _announced(facts, js, mesh.domain, nodes, EVENTS)
        message = await js.get_msg(STREAM, seq=(await js.stream_info(STREAM)).state.last_seq)
        floor = await _bare(js, message.data or b"")
    finally:
        await client.close()
    return at_least("relayed events, signed / bare async publishes", ours=ours, floor=floor, target=0.5, unit="/s")


async def _announced(facts: Facts, js: nats.js.JetStreamContext, domain: UUID, nodes: list[UUID], count: int) -> float:
    """Events per second from the commit of their outbox rows until the last one is in the stream."""
    before = (await js.stream_info(STREAM)).state.last_seq
    async with postgres.pool(postgres.Config(dsn=SecretStr(str(facts.postgres_dsn)))) as pool:
        async with postgres.connection(pool) as held, held.transaction():
            outbox = PostgresOutbox(connection=held, clock=SystemClock(), new_id=uuid7)
            await outbox.append(
                *(
                    NodeStateUpdated(domain_id=DomainId(domain), node_id=NodeId(nodes[number % len(nodes)]))
                    for number in range(count)
                )
            )
        started = time.perf_counter()
    while (await js.stream_info(STREAM)).state.last_seq < before + count:  # noqa: ASYNC110 — core relays them
        await asyncio.sleep(0.02)
    return count / (time.perf_counter() - started)


async def _bare(js: nats.js.JetStreamContext, data: bytes) -> float:
    """Publishes per second, each acknowledged, `IN_FLIGHT` at a time."""
    await js.add_stream(StreamConfig(name="BENCH", subjects=["bench.>"], max_bytes=1 << 28))
    try:
        started = time.perf_counter()
        for start in range(0, EVENTS, IN_FLIGHT):
            await asyncio.gather(
                *(
                    js.publish("bench.floor", data, headers={"Nats-Msg-Id": f"{start + number}"})
                    for number in range(IN_FLIGHT)
                )
            )
        return EVENTS / (time.perf_counter() - started)
    finally:
        await js.delete_stream("BENCH")
