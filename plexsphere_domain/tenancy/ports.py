"""What tenancy as a whole needs from outside."""

from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

from plexsphere_domain.kernel.actor import Actor
from plexsphere_domain.kernel.ids import DomainId, ProjectId
from plexsphere_domain.kernel.transactions import Transaction
from plexsphere_domain.tenancy.cidr import MeshCidr
from plexsphere_domain.tenancy.domains.ports import DomainRepository
from plexsphere_domain.tenancy.pool import Allocation
from plexsphere_domain.tenancy.projects.ports import ProjectRepository
from plexsphere_domain.tenancy.resources.ports import ResourceRepository


class Visible(Protocol):
    async def __call__(self, actor: Actor, ids: Iterable[UUID], /) -> frozenset[UUID]:
        """Those of the rows that the actor may see, by one bulk check for the whole page."""


class MeshAllocations(Protocol):
    """The addresses that live Nodes hold; the mesh gives them out."""

    async def outside(self, domain: DomainId, pool: MeshCidr) -> Allocation | None:
        """One address of the Domain that is not inside the pool."""

    async def left_out(self, project: ProjectId, *, of: MeshCidr, by: MeshCidr) -> Allocation | None:
        """One address of the Project that is inside `of` and not inside `by`."""


class TenancyTransaction(Transaction, Protocol):
    @property
    def domains(self) -> DomainRepository: ...

    @property
    def projects(self) -> ProjectRepository: ...

    @property
    def resources(self) -> ResourceRepository: ...

    @property
    def mesh_allocations(self) -> MeshAllocations: ...
