"""What Domains need from outside."""

from typing import Protocol

from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.kernel.paging import Page, PageRequest
from plexsphere_domain.tenancy.counts import DomainChildCounts
from plexsphere_domain.tenancy.domains.model import Domain


class DomainRepository(Protocol):
    """The Domains, inside a transaction."""

    async def add(self, domain: Domain) -> None:
        """Raises `DomainSlugConflict` or `MeshCidrOverlap`."""

    async def get(self, id: DomainId) -> Domain | None: ...

    async def held(self, id: DomainId) -> Domain | None:
        """The Domain, for one of those who draw ranges from its pool: the others wait, and nobody moves the pool."""

    async def claimed(self, id: DomainId) -> Domain | None:
        """The Domain for this transaction alone: nobody changes it, and nobody adds a child to it meanwhile."""

    async def page(self, request: PageRequest) -> Page[Domain]:
        """By `slug`, ascending."""

    async def save(self, domain: Domain) -> None:
        """Raises `MeshCidrOverlap`."""

    async def child_counts(self, id: DomainId) -> DomainChildCounts: ...

    async def remove(self, id: DomainId) -> None:
        """Raises `DomainNotEmpty` where something still refers to the Domain."""
