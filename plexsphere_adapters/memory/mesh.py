"""The mesh in memory, outside transactions: credentials, standings, heartbeats, and what peers learn."""

from datetime import datetime

from attrs import frozen

from plexsphere_adapters.memory.nodes import standing_of
from plexsphere_adapters.memory.paging import page_of
from plexsphere_adapters.memory.transactions import MemoryTransactions
from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.ids import DomainId, NodeId
from plexsphere_domain.kernel.paging import Page, PageRequest
from plexsphere_domain.mesh.nodes.model import LiveCredential, NodeCredential, RevokedCredential
from plexsphere_domain.mesh.nodes.ports import NodeSummary
from plexsphere_domain.mesh.reachability.heartbeat import Heartbeat
from plexsphere_domain.mesh.reachability.ports import Standing
from plexsphere_domain.mesh.state.directory import PeerChanges


@frozen
class MemoryNodeCredentials:
    transactions: MemoryTransactions

    async def __call__(self, node: NodeId) -> NodeCredential | None:
        tables = self.transactions.tables
        if node in tables.nodes:
            live, nsk = tables.nodes[node]
            return LiveCredential(live.domain_id, nsk.digest)
        tombstone = tables.tombstones.get(node)
        return RevokedCredential(tombstone.digest) if tombstone else None


@frozen
class MemoryNodeDirectory:
    transactions: MemoryTransactions

    async def page(self, request: PageRequest, domain: DomainId | None) -> Page[NodeSummary]:
        nodes = (node for node, _ in self.transactions.tables.nodes.values() if domain in (None, node.domain_id))
        rows = (NodeSummary(id=node.id, domain_id=node.domain_id, created_at=node.registered_at) for node in nodes)
        return page_of(rows, request, lambda node: (str(node.id),))

    async def domain_of(self, node: NodeId) -> DomainId | None:
        row = self.transactions.tables.nodes.get(node)
        return row[0].domain_id if row else None


@frozen
class MemoryPeerLog:
    transactions: MemoryTransactions

    async def since(self, domain: DomainId, version: int) -> PeerChanges:
        tables = self.transactions.tables
        live = (node for node, _ in tables.nodes.values() if node.domain_id == domain)
        buried = tables.tombstones.items() if version else ()
        return PeerChanges(
            version=tables.peers_versions.get(domain, 0),
            live=tuple(node.as_peer for node in live if tables.node_versions.get(node.id, 0) > version),
            gone=tuple(node for node, one in buried if one.domain_id == domain and one.version > version),
        )


@frozen
class MemoryStandings:
    transactions: MemoryTransactions

    async def __call__(self, node: NodeId) -> Standing | None:
        tables = self.transactions.tables
        return standing_of(tables, node) if node in tables.nodes else None


@frozen
class MemoryHeartbeatLog:
    transactions: MemoryTransactions
    clock: Clock

    async def record(self, node: NodeId, heartbeat: Heartbeat) -> datetime | None:
        async with self.transactions.begin() as tx:
            if node not in tx.tables.nodes:
                return None
            now = self.clock.now()
            standing = standing_of(tx.tables, node)
            tx.tables.liveness[node] = standing.liveness.heard(now, standing.thresholds)
            tx.tables.heartbeats[node] = heartbeat
        return now
