"""The desired state of a Node, also while the datastore is away.

The last good snapshot of a Node is remembered as the standing that it was made of; its peers are those of the
Domain's directory, which is at least as recent. While the datastore cannot be read, that snapshot is served until it
is `stale_for` old. Its reachability is the verdict of when it was read: nobody can tell what happened since.
"""

from collections import OrderedDict
from datetime import datetime, timedelta

from attrs import Factory, field, frozen

from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.errors import Unavailable
from plexsphere_domain.kernel.ids import DomainId, NodeId
from plexsphere_domain.mesh.nodes.errors import NodeNotFound
from plexsphere_domain.mesh.nodes.model import Node
from plexsphere_domain.mesh.reachability.model import Reachability
from plexsphere_domain.mesh.reachability.ports import Standing, StandingLookup
from plexsphere_domain.mesh.state.directories import PeerDirectories
from plexsphere_domain.mesh.state.directory import PeerView
from plexsphere_domain.mesh.state.snapshot import StateSnapshot


@frozen
class _LastGood:
    domain: DomainId
    reachability: Reachability
    at: datetime


class LastGoodStates:
    """The last good state of the Nodes that pulled last, at most `size`."""

    def __init__(self, size: int = 20_000) -> None:
        self._size = size
        self._states: OrderedDict[NodeId, _LastGood] = OrderedDict()

    def remember(self, node: NodeId, domain: DomainId, reachability: Reachability, at: datetime) -> None:
        self._states[node] = _LastGood(domain, reachability, at)
        self._states.move_to_end(node)
        if len(self._states) > self._size:
            self._states.popitem(last=False)

    def forget(self, node: NodeId) -> None:
        self._states.pop(node, None)

    def recall(self, node: NodeId, since: datetime) -> _LastGood | None:
        state = self._states.get(node)
        return state if state is not None and state.at >= since else None


@frozen
class PeersOfNode:
    """The other Nodes of a Node's Domain, as of now."""

    standings: StandingLookup
    directories: PeerDirectories

    async def around(self, node: Node) -> PeerView:
        """Raises NodeNotFound where the Node was retired meanwhile."""
        standing = await self.standings(node.id)
        if standing is None:
            raise NodeNotFound(node.id)
        directory = await self.directories.at_least(node.domain_id, standing.peers_version)
        return directory.around(node.id)


@frozen(kw_only=True)
class DesiredState:
    """Answers a Node's pull."""

    standings: StandingLookup
    directories: PeerDirectories
    clock: Clock
    stale_for: timedelta = timedelta(minutes=5)
    _last_good: LastGoodStates = field(default=Factory(LastGoodStates), repr=False)

    async def of(self, node: NodeId, *, seen: Standing | None = None) -> StateSnapshot:
        """`seen` is how the Node stands, where the caller has just read it.

        Raises NodeNotFound, and `Unavailable` where the datastore is away and there is nothing good to serve.
        """
        try:
            return await self._load(node, seen or await self.standings(node))
        except Unavailable:
            stale = self._recall(node)
            if stale is None:
                raise
            return stale

    async def _load(self, node: NodeId, standing: Standing | None) -> StateSnapshot:
        now = self.clock.now()
        if standing is None:
            self._last_good.forget(node)
            raise NodeNotFound(node)
        directory = await self.directories.at_least(standing.domain_id, standing.peers_version)
        reachability = standing.liveness.verdict(now, standing.thresholds)
        self._last_good.remember(node, standing.domain_id, reachability, now)
        return StateSnapshot(peers=directory.around(node), reachability=reachability)

    def _recall(self, node: NodeId) -> StateSnapshot | None:
        last = self._last_good.recall(node, self.clock.now() - self.stale_for)
        directory = self.directories.held(last.domain) if last is not None else None
        if last is None or directory is None:
            return None
        return StateSnapshot(peers=directory.around(node), reachability=last.reachability)
