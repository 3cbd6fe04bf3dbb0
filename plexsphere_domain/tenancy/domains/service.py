"""What can be done with Domains."""

from attrs import frozen

from plexsphere_domain.kernel.actor import Actor
from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.ids import DomainId, NewId
from plexsphere_domain.kernel.journal import PrivilegedAction
from plexsphere_domain.kernel.paging import Page, PageRequest
from plexsphere_domain.kernel.transactions import Transactions
from plexsphere_domain.tenancy.domains.errors import (
    DomainNotEmpty,
    DomainNotFound,
    MeshCidrInvalidatesAllocation,
    MeshCidrInvalidatesSubrange,
)
from plexsphere_domain.tenancy.domains.events import DomainCreated, DomainDeleted, DomainMeshChanged, DomainUpdated
from plexsphere_domain.tenancy.domains.model import Domain, DomainPatch, NewDomain
from plexsphere_domain.tenancy.ports import TenancyTransaction, Visible


@frozen(kw_only=True)
class Domains:
    """Creates, shows, changes and deletes Domains. Whether the caller may was decided before."""

    transactions: Transactions[TenancyTransaction]
    clock: Clock
    new_id: NewId
    readable: Visible

    async def create(self, new: NewDomain, *, by: Actor) -> Domain:
        """Raises what `Domain.create` raises, DomainSlugConflict, MeshCidrOverlap."""
        domain = Domain.create(new, id=DomainId(self.new_id()), now=self.clock.now())
        async with self.transactions.begin() as tx:
            await tx.domains.add(domain)
            await tx.outbox.append(DomainCreated(domain_id=domain.id, slug=domain.slug, created_by=by.principal))
            await tx.journal.record(_action("create", domain, by))
        return domain

    async def get(self, id: DomainId) -> Domain:
        """Raises DomainNotFound."""
        async with self.transactions.begin() as tx:
            return _found(await tx.domains.get(id))

    async def page(self, request: PageRequest, *, by: Actor) -> Page[Domain]:
        """The window of all Domains by slug, without those that the caller may not read."""
        async with self.transactions.begin() as tx:
            window = await tx.domains.page(request)
        readable = await self.readable(by, [domain.id for domain in window.items])
        return window.keep(lambda domain: domain.id in readable)

    async def patch(self, id: DomainId, patch: DomainPatch, *, by: Actor) -> Domain:
        """Raises what `Domain.patched` raises, DomainNotFound, MeshCidrOverlap, and the two MeshCidrInvalidates…."""
        async with self.transactions.begin() as tx:
            before = _found(await tx.domains.claimed(id))
            domain = before.patched(patch, now=self.clock.now())
            moved = domain.mesh_cidr != before.mesh_cidr
            if moved:
                await _keep_what_was_given_out(tx, domain)
            await tx.domains.save(domain)
            await tx.outbox.append(DomainUpdated(domain_id=id))
            if moved:
                await tx.outbox.append(DomainMeshChanged(domain_id=id, mesh_cidr=str(domain.mesh_cidr)))
            await tx.journal.record(_action("patch", domain, by))
        return domain

    async def delete(self, id: DomainId, *, by: Actor) -> None:
        """Raises DomainNotFound, DomainNotEmpty."""
        async with self.transactions.begin() as tx:
            domain = _found(await tx.domains.claimed(id))
            children = await tx.domains.child_counts(id)
            if children:
                raise DomainNotEmpty(children)
            await tx.domains.remove(id)
            await tx.outbox.append(DomainDeleted(domain_id=id, slug=domain.slug))
            await tx.journal.record(_action("delete", domain, by))


async def _keep_what_was_given_out(tx: TenancyTransaction, domain: Domain) -> None:
    """Refuse a new pool that leaves out a Project's reservation or a live Node's address."""
    reservation = await tx.projects.reservation_outside(domain.id, domain.mesh_cidr)
    if reservation is not None:
        raise MeshCidrInvalidatesSubrange(reservation, domain.mesh_cidr)
    allocation = await tx.mesh_allocations.outside(domain.id, domain.mesh_cidr)
    if allocation is not None:
        raise MeshCidrInvalidatesAllocation(allocation, domain.mesh_cidr)


def _found(domain: Domain | None) -> Domain:
    if domain is None:
        raise DomainNotFound
    return domain


def _action(verb: str, domain: Domain, by: Actor) -> PrivilegedAction:
    return PrivilegedAction(
        action=f"domain.{verb}", object_type="domain", object_id=domain.id, domain_id=domain.id, by=by
    )
