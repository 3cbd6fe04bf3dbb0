"""What Projects need from outside."""

from typing import Protocol

from plexsphere_domain.kernel.ids import DomainId, ProjectId
from plexsphere_domain.kernel.paging import Page, PageRequest
from plexsphere_domain.tenancy.cidr import MeshCidr
from plexsphere_domain.tenancy.counts import ProjectChildCounts
from plexsphere_domain.tenancy.pool import Reservation
from plexsphere_domain.tenancy.projects.model import Project


class ProjectRepository(Protocol):
    """The Projects with what they reserve, inside a transaction."""

    async def add(self, project: Project) -> None:
        """Raises `ParentDomainMissing`, `ProjectSlugConflict` or `SubRangeOverlap`."""

    async def get(self, id: ProjectId) -> Project | None: ...

    async def claimed(self, id: ProjectId) -> Project | None:
        """The Project for this transaction alone: nobody changes it, and nobody adds a child to it meanwhile."""

    async def page(self, request: PageRequest, *, domain: DomainId | None) -> Page[Project]:
        """By `(slug, id)`, ascending; of one Domain, or of all where `domain` is None."""

    async def save(self, project: Project) -> None:
        """Raises `SubRangeOverlap`."""

    async def reservation_outside(self, domain: DomainId, pool: MeshCidr) -> Reservation | None:
        """One reservation of the Domain that is not inside the pool."""

    async def reservation_of_sibling(self, project: Project) -> Reservation | None:
        """One reservation of another Project of the Domain that overlaps what this Project reserves."""

    async def child_counts(self, id: ProjectId) -> ProjectChildCounts: ...

    async def remove(self, id: ProjectId) -> None:
        """The Project and all that has no life without it. Raises `ProjectNotEmpty` where something has one."""
