"""The life of the sequencer: on the one replica that holds its lease, again and again.

Readers of a chain let it catch up by themselves, so nobody waits for the next turn; it only keeps the intake short.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from itertools import count
from typing import Final, NoReturn

import structlog
from attrs import frozen

from plexsphere_adapters.metrics.audit import ASIDE, CHAINED
from plexsphere_adapters.postgres.leases import LeaseLost, Leases, leases
from plexsphere_adapters.postgres.pool import OUTAGES, Config
from plexsphere_domain.audit.model import Scope
from plexsphere_domain.audit.sequencer import NOTHING, Progress, Sequencer
from plexsphere_domain.kernel.errors import Unavailable

log = structlog.get_logger(__name__)

LEASE: Final = "audit-sequencer"

TICK: Final = 0.25
"""Seconds between turns: what arrives within it shares transactions."""

SECOND_CHANCE: Final = 40
"""Turns after which chains that stand still are tried again."""

PAUSE: Final = 1.0
"""Seconds until the next attempt, for the lease or after an outage."""


def tally(progress: Progress) -> None:
    """What a turn did, as metrics."""
    CHAINED.inc(progress.chained)
    ASIDE.set(len(progress.aside))


@frozen
class SequencerWorker:
    """Takes a turn whenever `TICK` has passed, and tells `report` what came of it."""

    config: Config
    sequencer: Sequencer
    report: Callable[[Progress], None] = tally

    async def run(self) -> NoReturn:
        """Work until cancelled."""
        while True:
            try:
                async with leases(self.config) as held:
                    await self._work(held)
            except (LeaseLost, *OUTAGES) as loss:
                log.warning("sequencer_lease_lost", reason=type(loss).__name__)
            await asyncio.sleep(PAUSE)

    async def _work(self, held: Leases) -> None:
        aside: Mapping[Scope, Exception] = NOTHING
        for turn in count():
            if not await held.hold(LEASE):
                await asyncio.sleep(PAUSE)
                continue
            await held.verify()
            try:
                progress = await self.sequencer.exhaust(aside if turn % SECOND_CHANCE else NOTHING)
                self._tell(progress, aside)
                aside = progress.aside
            except Unavailable as away:
                log.warning("sequencer_waits", code=away.code, reason=repr(away.__cause__))
                await asyncio.sleep(PAUSE)
            await asyncio.sleep(TICK)

    def _tell(self, progress: Progress, before: Collection[Scope]) -> None:
        """Report the turn, and log each chain that came to a stand since `before`, and each that goes on."""
        self.report(progress)
        for chain, trouble in progress.aside.items():
            if chain not in before:
                log.error("audit_chain_stands_still", chain=str(chain), reason=repr(trouble))
        for chain in set(before) - set(progress.aside):
            log.info("audit_chain_goes_on", chain=str(chain))
