"""The mesh in memory."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from ipaddress import IPv4Network
from typing import Any
from uuid import UUID, uuid4

import attrs
from attrs import define, evolve, field

from plexsphere_adapters.memory.mesh import (
    MemoryHeartbeatLog,
    MemoryNodeCredentials,
    MemoryNodeDirectory,
    MemoryPeerLog,
    MemoryStandings,
)
from plexsphere_adapters.memory.transactions import MemoryTransaction, MemoryTransactions
from plexsphere_adapters.system import uuid7
from plexsphere_domain.kernel.ids import DomainId, ProjectId, ResourceId
from plexsphere_domain.mesh.addresses.model import Network
from plexsphere_domain.tenancy.cidr import MeshCidr
from plexsphere_domain.tenancy.domains.model import Domain, NewDomain
from plexsphere_domain.tenancy.projects.model import NewProject, Project
from plexsphere_domain.tenancy.resources.model import Adoption, Resource
from tests.ports.mesh import NOON, Watch


@define
class MemoryGround:
    """Implements the contract's `Ground`."""

    watch: Watch = field(factory=Watch)
    transactions: MemoryTransactions = field(factory=MemoryTransactions)
    credentials: MemoryNodeCredentials = field(init=False)
    standings: MemoryStandings = field(init=False)
    heartbeats: MemoryHeartbeatLog = field(init=False)
    peers: MemoryPeerLog = field(init=False)
    directory: MemoryNodeDirectory = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.credentials = MemoryNodeCredentials(self.transactions)
        self.standings = MemoryStandings(self.transactions)
        self.heartbeats = MemoryHeartbeatLog(self.transactions, self.watch)
        self.peers = MemoryPeerLog(self.transactions)
        self.directory = MemoryNodeDirectory(self.transactions)

    def begin(self) -> AbstractAsyncContextManager[MemoryTransaction]:
        return self.transactions.begin()

    async def domain(self, prefix: int = 24) -> tuple[DomainId, Network]:
        count = len(self.transactions.tables.domains)
        pool = IPv4Network(((10 << 24) + count * 256 + 128, prefix), strict=False)
        new = NewDomain(name="a Domain", slug=f"domain-{count}", mesh_cidr=str(pool))
        domain = Domain.create(new, id=DomainId(uuid7()), now=NOON)
        async with self.begin() as tx:
            await tx.domains.add(domain)
        return domain.id, pool

    async def project(self, domain: DomainId) -> ProjectId:
        new = NewProject(domain_id=domain, name="a Project", slug=uuid4().hex)
        project = Project.create(new, id=ProjectId(uuid7()), now=NOON)
        async with self.begin() as tx:
            await tx.projects.add(project)
        return project.id

    async def resource(self, project: ProjectId, *, kind: str = "vm", ref: str | None = None) -> ResourceId:
        adoption = Adoption(kind=kind, external_ref=ref)
        async with self.begin() as tx:
            parent = tx.tables.projects[project]
            resource = Resource.adopted(adoption, project=parent, id=ResourceId(uuid7()), now=NOON)
            await tx.resources.add(resource)
        return resource.id

    async def reserve(self, project: ProjectId, sub_range: Network | None) -> None:
        async with self.begin() as tx:
            before = tx.tables.projects[project]
            await tx.projects.save(evolve(before, sub_range=MeshCidr(sub_range) if sub_range else None))

    async def move(self, domain: DomainId, pool: Network) -> None:
        async with self.begin() as tx:
            await tx.domains.save(evolve(tx.tables.domains[domain], mesh_cidr=MeshCidr(pool)))

    async def facts(self, domain: DomainId) -> Sequence[tuple[str, Any]]:
        events = (event for event in self.transactions.tables.events if event.domain_id == domain)
        return [(event.type, attrs.asdict(event, value_serializer=_as_text)) for event in events]

    async def actions(self, domain: DomainId) -> Sequence[tuple[str, UUID, UUID]]:
        actions = (action for action in self.transactions.tables.actions if action.domain_id == domain)
        return [(action.action, action.object_id, action.by.principal.id) for action in actions]


def _as_text(_owner: object, _field: object, value: object) -> object:
    return value if isinstance(value, timedelta) else str(value)
