"""What reachability puts on record."""

from datetime import datetime

from attrs import frozen

from plexsphere_domain.kernel.events import DomainEvent
from plexsphere_domain.kernel.ids import NodeId
from plexsphere_domain.mesh.reachability.model import ReachabilityState


@frozen(kw_only=True)
class NodeReachabilityChanged(DomainEvent):
    """A Node passed one edge of the reachability state machine at `at`."""

    node_id: NodeId
    before: ReachabilityState
    after: ReachabilityState
    at: datetime
