"""The mesh inside a transaction in memory: Nodes, their addresses, where they enrol, and the record of verdicts."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import evolve, frozen

from plexsphere_adapters.memory.tables import Tables, Tombstone
from plexsphere_domain.identity.registration.errors import EnrolmentProjectNotFound, HandleNotFound
from plexsphere_domain.identity.registration.model import Placement
from plexsphere_domain.kernel.ids import BootstrapTokenId, DomainId, NodeId, ProjectId, ResourceId
from plexsphere_domain.mesh.addresses.errors import PoolExhausted, SubrangeExhausted
from plexsphere_domain.mesh.addresses.model import Address, hosts, lowest_free
from plexsphere_domain.mesh.nodes.model import Node, StoredNsk
from plexsphere_domain.mesh.reachability.model import Liveness, Thresholds
from plexsphere_domain.mesh.reachability.ports import Standing
from plexsphere_domain.tenancy.domains.durations import Duration
from plexsphere_domain.tenancy.resources.model import Resource


@frozen
class MemoryMeshAddresses:
    """Finds the lowest free address by looking at all Nodes of the Domain; what lives in memory is small."""

    tables: Tables

    async def allocate(self, domain: DomainId, project: ProjectId) -> Address:
        own = self.tables.projects[project].sub_range
        siblings = (each for each in self.tables.projects.values() if each.domain_id == domain and each.id != project)
        pool = own or self.tables.domains[domain].mesh_cidr
        address = lowest_free(
            hosts(pool.network),
            reserved=[each.sub_range.network for each in siblings if each.sub_range],
            taken=[node.mesh_ip for node, _ in self.tables.nodes.values() if node.domain_id == domain],
        )
        if address is not None:
            return address
        raise SubrangeExhausted(project) if own else PoolExhausted(domain)

    async def release(self, domain: DomainId, *addresses: Address) -> None:
        """An address is free as soon as no Node has it."""


@frozen
class MemoryNodes:
    tables: Tables

    async def add(self, node: Node, nsk: StoredNsk) -> None:
        self.tables.nodes[node.id] = (node, nsk)
        self.tables.liveness[node.id] = Liveness(enrolled_at=node.registered_at)
        self.tables.node_versions[node.id] = self._next_version(node.domain_id)

    async def enrolled_with(self, token: BootstrapTokenId) -> tuple[Node, StoredNsk] | None:
        return next((row for row in self.tables.nodes.values() if row[0].bootstrap_token_id == token), None)

    async def of_resource(self, resource: ResourceId) -> Sequence[Node]:
        nodes = (node for node, _ in self.tables.nodes.values() if node.resource_id == resource)
        return sorted(nodes, key=lambda node: node.id)

    async def bury(self, nodes: Sequence[Node], at: datetime) -> None:
        version = self._next_version(nodes[0].domain_id)
        for node in nodes:
            _, nsk = self.tables.nodes.pop(node.id)
            self.tables.liveness.pop(node.id, None)
            self.tables.heartbeats.pop(node.id, None)
            self.tables.node_versions.pop(node.id, None)
            self.tables.tombstones[node.id] = Tombstone(node.domain_id, nsk.digest, version, at)

    def _next_version(self, domain: DomainId) -> int:
        version = self.tables.peers_versions.get(domain, 0) + 1
        self.tables.peers_versions[domain] = version
        return version


@frozen
class MemoryPlacements:
    tables: Tables

    async def find(self, project: ProjectId, handle: str) -> Placement:
        if project not in self.tables.projects:
            raise EnrolmentProjectNotFound
        resources = [each for each in self.tables.resources.values() if each.project_id == project]
        named = [each for each in resources if each.external_ref == handle]
        named += [each for each in resources if str(each.id) == handle.lower()]
        if not named:
            raise HandleNotFound
        return self._placement(named[0])

    async def hold(self, placement: Placement) -> Placement:
        resource = self.tables.resources.get(placement.resource_id)
        if resource is None:
            raise HandleNotFound
        return self._placement(resource)

    def _placement(self, resource: Resource) -> Placement:
        return Placement(
            domain_id=resource.domain_id,
            project_id=resource.project_id,
            resource_id=resource.id,
            resource_kind=resource.kind,
            mesh_cidr=self.tables.domains[resource.domain_id].mesh_cidr.network,
        )


@frozen
class MemoryLivenessRecords:
    tables: Tables

    async def overdue(self, now: datetime, limit: int) -> Sequence[Standing]:
        everyone = (standing_of(self.tables, node) for node in sorted(self.tables.nodes))
        due = (one for one in everyone if one.liveness.evaluate(now, one.thresholds)[1])
        return [one for _, one in zip(range(limit), due, strict=False)]

    async def save(self, evaluated: Sequence[tuple[NodeId, Liveness]]) -> None:
        for node, liveness in evaluated:
            self.tables.liveness[node] = evolve(
                self.tables.liveness[node], admitted_at=liveness.admitted_at, announced=liveness.announced
            )


def standing_of(tables: Tables, node_id: NodeId) -> Standing:
    """How a live Node stands."""
    node, _ = tables.nodes[node_id]
    policy = tables.domains[node.domain_id].reachability
    return Standing(
        node_id=node_id,
        domain_id=node.domain_id,
        peers_version=tables.peers_versions.get(node.domain_id, 0),
        liveness=tables.liveness.get(node_id) or Liveness(enrolled_at=node.registered_at),
        thresholds=Thresholds(
            stale_after=_timedelta(policy.stale_after), unreachable_after=_timedelta(policy.unreachable_after)
        ),
    )


def _timedelta(duration: Duration) -> timedelta:
    return timedelta(microseconds=duration.nanoseconds // 1000)
