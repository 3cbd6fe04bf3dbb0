"""The life of the relays: one per shard, each on the one replica that holds the shard's lease."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final, NoReturn

import structlog
from attrs import frozen

from plexsphere_adapters.postgres.glances import Glances
from plexsphere_adapters.postgres.leases import LeaseLost, Leases, leases
from plexsphere_adapters.postgres.notifications import Notifications
from plexsphere_adapters.postgres.outbox import CHANNEL, SHARDS
from plexsphere_adapters.postgres.pool import OUTAGES, Config, Pool, connection
from plexsphere_adapters.postgres.relay import READER, busy
from plexsphere_domain.kernel.errors import Unavailable
from plexsphere_domain.mesh.bus.errors import CursorMoved
from plexsphere_domain.mesh.bus.relay import Relay

log = structlog.get_logger(__name__)

TICK: Final = 1.0
"""Seconds after which the worker looks again though nobody woke it."""

PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 2.0
"""Seconds between attempts while a dependency is away: doubling from the one to the other."""


@frozen
class RelayWorker:
    """Runs `relays`, one for each shard in the order of the shards, whenever facts arrive."""

    config: Config
    pool: Pool
    notifications: Notifications
    relays: Sequence[Relay]

    async def run(self) -> NoReturn:
        """Work until cancelled."""
        facts = self.notifications.subscribe(CHANNEL)
        try:
            while True:
                try:
                    async with leases(self.config) as held:
                        await self._work(held, facts)
                except (LeaseLost, *OUTAGES) as loss:
                    log.warning("relay_lease_lost", reason=type(loss).__name__)
                await asyncio.sleep(TICK)
        finally:
            self.notifications.unsubscribe(CHANNEL, facts)

    async def _work(self, held: Leases, facts: asyncio.Event) -> NoReturn:
        pause = PAUSE
        while True:
            shards = await _take(held)
            try:
                await held.verify()
                await self._until(asyncio.get_running_loop().time() + TICK, shards, facts)
                pause = PAUSE
            except Unavailable as away:
                log.warning("relay_waits", code=away.code, reason=repr(away.__cause__), seconds=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            except CursorMoved:
                log.warning("relay_overtaken")
            except (LeaseLost, *OUTAGES):
                raise
            except Exception:
                log.exception("relay_faulted")
                await asyncio.sleep(LONGEST_PAUSE)

    async def _until(self, deadline: float, shards: frozenset[int], facts: asyncio.Event) -> None:
        """Relay what there is and what arrives, until the loop's time is `deadline`."""
        glances = Glances(facts)
        while (remaining := deadline - asyncio.get_running_loop().time()) > 0:
            if not shards:
                await asyncio.sleep(remaining)
                return
            facts.clear()
            await self._catch_up(shards & await busy(self.pool))
            if shards.isdisjoint(await self._behind()):
                await glances.wait(remaining)
            else:
                await glances.wait_for_hidden(remaining)

    async def _behind(self) -> frozenset[int]:
        async with connection(self.pool) as held:
            return frozenset(await READER.waiting(held))

    async def _catch_up(self, shards: Iterable[int]) -> None:
        """Step through the shards at once, until none of them has more."""
        remaining = list(shards)
        while remaining:
            outcomes = await asyncio.gather(*(self.relays[shard].step() for shard in remaining), return_exceptions=True)
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
            remaining = [shard for shard, more in zip(remaining, outcomes, strict=True) if more]


async def _take(held: Leases) -> frozenset[int]:
    """The shards that are ours, after trying to get the others."""
    return frozenset([shard for shard in range(SHARDS) if await held.hold(f"relay-{shard}")])
