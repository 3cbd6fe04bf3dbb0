"""The life of the projection: the one worker that moves it, and the callers who wait for it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog
from attrs import field, frozen

from plexsphere_adapters.coalesce import Coalescer
from plexsphere_adapters.postgres.authz import CONSUMER, PROJECTED, READER, Position
from plexsphere_adapters.postgres.glances import Glances
from plexsphere_adapters.postgres.leases import LeaseLost, Leases, leases
from plexsphere_adapters.postgres.notifications import Notifications, Wanted
from plexsphere_adapters.postgres.outbox import CHANNEL, SHARDS, START, Place
from plexsphere_adapters.postgres.pool import OUTAGES, Config, Pool, connection
from plexsphere_adapters.postgres.sql import fetch
from plexsphere_domain.authz.projection import PROJECTED_TYPES
from plexsphere_domain.authz.projector import TupleProjector
from plexsphere_domain.kernel.errors import Unavailable

log = structlog.get_logger(__name__)

LEASE = "authz-projection"

TICK = 1.0
"""Seconds after which the worker looks again though nobody woke it: the graph may have been lost meanwhile."""

PAUSE = 0.2
"""Seconds between two attempts on a store that is away, however many facts arrive."""

LONGEST_PAUSE = 2.0
"""Seconds until the next attempt after a fault of our own: it stays loud, and the process goes on serving."""

PATIENCE = 2.0
"""Seconds that a caller waits for the projection at most."""


@frozen
class ProjectionWorker:
    """Moves the projection whenever facts arrive, on the one replica that holds the lease."""

    config: Config
    pool: Pool
    notifications: Notifications
    projector: TupleProjector[Position]

    async def run(self) -> None:
        """Work until cancelled."""
        async with _woken(self.notifications, CHANNEL, READER.wants) as facts:
            while True:
                try:
                    async with leases(self.config) as held:
                        await self._work(held, facts)
                except (LeaseLost, Unavailable, *OUTAGES) as loss:
                    log.warning("authz_projection_lease_lost", reason=type(loss).__name__)
                await asyncio.sleep(TICK)

    async def _work(self, held: Leases, facts: asyncio.Event) -> None:
        glances = Glances(facts)
        while True:
            facts.clear()
            ours = await held.hold(LEASE)
            if ours:
                await self._catch_up(held)
            if ours and await self._behind():
                await glances.wait_for_hidden(TICK)
            else:
                await glances.wait(TICK)

    async def _behind(self) -> bool:
        async with connection(self.pool) as held:
            return bool(await READER.wanting(held))

    async def _catch_up(self, held: Leases) -> None:
        try:
            await held.verify()
            while await self.projector.step():
                await held.verify()
        except Unavailable as away:
            log.warning("authz_projection_waits", code=away.code, reason=repr(away.__cause__))
            await asyncio.sleep(PAUSE)
        except (LeaseLost, *OUTAGES):
            raise
        except Exception:
            log.exception("authz_projection_faulted")
            await asyncio.sleep(LONGEST_PAUSE)


@frozen
class _Standing:
    """How far a shard is projected, and the newest fact behind that which has to be, if there is one."""

    shard: int
    newest: Place | None
    projected: Place


@frozen
class PostgresProjection:
    """Projection: waits on the cursors of the outbox, woken when they move. All who wait at a time share the looks."""

    pool: Pool
    notifications: Notifications
    patience: float = PATIENCE
    _standings: Coalescer[None, Sequence[_Standing]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_standings", Coalescer(self._look))

    async def caught_up(self) -> None:
        try:
            async with asyncio.timeout(self.patience), _woken(self.notifications, PROJECTED) as moved:
                standings = await self._standings(None)
                targets = {each.shard: each.newest or START for each in standings}
                while any(_before(each.projected, targets.get(each.shard, START)) for each in standings):
                    await moved.wait()
                    moved.clear()
                    standings = await self._standings(None)
        except (TimeoutError, Unavailable) as late:
            log.warning("authz_projection_lags", reason=type(late).__name__)

    async def _look(self, callers: list[None]) -> Sequence[Sequence[_Standing]]:
        async with connection(self.pool) as held:
            rows = await fetch(
                held,
                """
                SELECT s.shard, o.txid::text::bigint AS newest_txid, o.position AS newest_position,
                       c.txid::text::bigint AS projected_txid, c.position AS projected_position
                  FROM generate_series(0, %(last)s) AS s (shard)
                  LEFT JOIN plexsphere.outbox_cursors c ON c.consumer = %(consumer)s AND c.shard = s.shard
                  LEFT JOIN LATERAL (
                           SELECT txid, position FROM plexsphere.outbox
                            WHERE outbox.shard = s.shard
                              AND (outbox.txid, outbox.position)
                                  > (coalesce(c.txid, '0'::xid8), coalesce(c.position, 0))
                              AND outbox.type = ANY(%(types)s)
                            ORDER BY outbox.txid DESC, outbox.position DESC
                            LIMIT 1) AS o ON true
                """,
                last=SHARDS - 1,
                consumer=CONSUMER,
                types=list(PROJECTED_TYPES),
            )
        standings = [
            _Standing(
                row["shard"],
                Place(txid=row["newest_txid"], position=row["newest_position"])
                if row["newest_txid"] is not None
                else None,
                Place(txid=row["projected_txid"], position=row["projected_position"])
                if row["projected_txid"] is not None
                else START,
            )
            for row in rows
        ]
        return [standings] * len(callers)


def _before(place: Place, other: Place) -> bool:
    return (place.txid, place.position) < (other.txid, other.position)


@asynccontextmanager
async def _woken(
    notifications: Notifications, channel: str, wanted: Wanted = lambda _: True
) -> AsyncIterator[asyncio.Event]:
    """An event that the channel sets, for as long as the block runs."""
    event = notifications.subscribe(channel, wanted)
    try:
        yield event
    finally:
        notifications.unsubscribe(channel, event)
