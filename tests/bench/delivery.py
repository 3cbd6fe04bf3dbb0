"""From the commit of a fact to its event on a Node's stream, at 200 events per second."""

import asyncio
import time

import httpx

from plexsphere_adapters.postgres import pool as postgres
from plexsphere_adapters.postgres.outbox import PostgresOutbox
from plexsphere_adapters.system import SystemClock, uuid7
from plexsphere_apps.embedded.ready_file import Facts
from plexsphere_domain.kernel.ids import DomainId, NodeId
from plexsphere_domain.kernel.secrets import SecretStr
from plexsphere_domain.mesh.nodes.events import NodeStateUpdated
from tests.bench.fleet import Fleet, Member, fleet
from tests.bench.report import Ratio, at_most

PER_SECOND = 200
SECONDS = 10
BOUND_MS = 100.0


async def run(facts: Facts) -> Ratio:
    mesh = await fleet(facts, "bench-delivery", "10.105.0.0/16", 1)
    member = mesh.members[0]
    opened, arrivals = asyncio.Event(), list[float]()
    listening = asyncio.create_task(_listen(facts, member, opened, arrivals))
    await opened.wait()
    committed = await _commit(facts, mesh)
    async with asyncio.timeout(10):
        await listening
    delays = sorted(arrived - at for at, arrived in zip(committed, arrivals, strict=True))
    return at_most(
        f"commit to SSE, p99 at {PER_SECOND} events/s / the bound of {BOUND_MS:g} ms",
        ours=1000 * delays[int(len(delays) * 0.99)],
        floor=BOUND_MS,
        target=1,
        unit="ms",
        note=f"p50 {1000 * delays[len(delays) // 2]:.1f} ms",
    )


async def _listen(facts: Facts, member: Member, opened: asyncio.Event, arrivals: list[float]) -> None:
    headers = {"Authorization": f"Bearer {member.bearer}", "Accept": "text/event-stream"}
    async with (
        httpx.AsyncClient(base_url=str(facts.core_url), timeout=60) as client,
        client.stream("GET", f"/v1/nodes/{member.id}/events", headers=headers) as stream,
    ):
        stream.raise_for_status()
        opened.set()
        async for line in stream.aiter_lines():
            if line.startswith("data:"):
                arrivals.append(time.perf_counter())
            if len(arrivals) == PER_SECOND * SECONDS:
                return


async def _commit(facts: Facts, mesh: Fleet) -> list[float]:
    """The moments of the commits, evenly spread."""
    moments: list[float] = []
    async with postgres.pool(postgres.Config(dsn=SecretStr(str(facts.postgres_dsn)))) as pool:
        started = time.perf_counter()
        for number in range(PER_SECOND * SECONDS):
            await asyncio.sleep(max(0.0, started + number / PER_SECOND - time.perf_counter()))
            async with postgres.connection(pool) as held, held.transaction():
                outbox = PostgresOutbox(connection=held, clock=SystemClock(), new_id=uuid7)
                await outbox.append(
                    NodeStateUpdated(domain_id=DomainId(mesh.domain), node_id=NodeId(mesh.members[0].id))
                )
            moments.append(time.perf_counter())
    return moments
