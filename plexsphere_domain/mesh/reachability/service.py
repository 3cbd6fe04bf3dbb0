"""Heartbeats in, verdicts out, and the record of their changes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import frozen

from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.ids import NodeId
from plexsphere_domain.mesh.nodes.errors import NodeNotFound, NskRevoked
from plexsphere_domain.mesh.reachability.events import NodeReachabilityChanged
from plexsphere_domain.mesh.reachability.heartbeat import Heartbeat, HeartbeatReceipt
from plexsphere_domain.mesh.reachability.model import Reachability
from plexsphere_domain.mesh.reachability.ports import HeartbeatLog, ReachabilityTransactions, Standing, StandingLookup


@frozen
class HeartbeatIntake:
    """Takes heartbeats of Nodes that proved themselves."""

    log: HeartbeatLog
    clock: Clock

    async def take(
        self,
        node: NodeId,
        *,
        client_now: datetime,
        binary_checksum: str,
        binary_version: str,
        nat_summary: Mapping[str, Any],
    ) -> HeartbeatReceipt:
        """Raises what `Heartbeat.accept` raises, and NskRevoked where the Node was retired just now."""
        heartbeat = Heartbeat.accept(
            client_now=client_now,
            binary_checksum=binary_checksum,
            binary_version=binary_version,
            nat_summary=nat_summary,
            now=self.clock.now(),
        )
        accepted_at = await self.log.record(node, heartbeat)
        if accepted_at is None:
            raise NskRevoked
        return HeartbeatReceipt(accepted_at)


@frozen
class ReachabilityReading:
    """The verdict on a Node at this moment."""

    standings: StandingLookup
    clock: Clock

    async def of(self, node: NodeId, *, seen: Standing | None = None) -> Reachability:
        """`seen` is how the Node stands, where the caller has just read it. Raises NodeNotFound."""
        standing = seen or await self.standings(node)
        if standing is None:
            raise NodeNotFound(node)
        return standing.liveness.verdict(self.clock.now(), standing.thresholds)


@frozen(kw_only=True)
class ReachabilityEvaluator:
    """Puts changed verdicts on record, with their events, once each. Any number of replicas may run it."""

    transactions: ReachabilityTransactions
    clock: Clock
    batch: int = 500

    async def tick(self) -> int:
        """Evaluate every Node that is overdue; the number of transitions that were put on record."""
        recorded = 0
        while True:
            found, transitions = await self._evaluate_batch()
            recorded += transitions
            if found < self.batch:
                return recorded

    async def _evaluate_batch(self) -> tuple[int, int]:
        now = self.clock.now()
        async with self.transactions.begin() as tx:
            overdue = await tx.liveness.overdue(now, self.batch)
            evaluated = [(one, *one.liveness.evaluate(now, one.thresholds)) for one in overdue]
            events = [
                NodeReachabilityChanged(
                    domain_id=standing.domain_id,
                    node_id=standing.node_id,
                    before=passed.before,
                    after=passed.after,
                    at=passed.at,
                )
                for standing, _, transitions in evaluated
                for passed in transitions
            ]
            await tx.liveness.save([(standing.node_id, liveness) for standing, liveness, _ in evaluated])
            await tx.outbox.append(*events)
        return len(overdue), len(events)
