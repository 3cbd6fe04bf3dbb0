"""What reachability needs from outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from attrs import frozen

from plexsphere_domain.kernel.ids import DomainId, NodeId
from plexsphere_domain.kernel.transactions import Transaction, Transactions
from plexsphere_domain.mesh.reachability.heartbeat import Heartbeat
from plexsphere_domain.mesh.reachability.model import Liveness, Thresholds


@frozen(kw_only=True)
class Standing:
    """How a live Node stands: its heartbeats, its Domain's thresholds and the version of its Domain's peers."""

    node_id: NodeId
    domain_id: DomainId
    peers_version: int
    liveness: Liveness
    thresholds: Thresholds


class StandingLookup(Protocol):
    """The standing of a Node as of now, None where there is no such live Node. Cheap enough for every pull."""

    async def __call__(self, node: NodeId) -> Standing | None: ...


class HeartbeatLog(Protocol):
    async def record(self, node: NodeId, heartbeat: Heartbeat) -> datetime | None:
        """Put a heartbeat down; the instant at which it counts as heard, None where there is no such live Node."""
        ...


class LivenessRecords(Protocol):
    """The record of verdicts, inside a transaction."""

    async def overdue(self, now: datetime, limit: int) -> Sequence[Standing]:
        """Up to `limit` Nodes whose verdict at `now` is not the announced one, locked; locked ones are passed over."""
        ...

    async def save(self, evaluated: Sequence[tuple[NodeId, Liveness]]) -> None:
        """Write `admitted_at` and `announced` of Nodes that `overdue` returned."""
        ...


class ReachabilityTransaction(Transaction, Protocol):
    @property
    def liveness(self) -> LivenessRecords: ...


ReachabilityTransactions = Transactions[ReachabilityTransaction]
