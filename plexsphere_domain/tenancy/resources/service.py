"""What can be done with Resources."""

from typing import Generic, TypeVar

from attrs import frozen

from plexsphere_domain.kernel.actor import Actor
from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.ids import NewId, ProjectId, ResourceId
from plexsphere_domain.kernel.journal import PrivilegedAction
from plexsphere_domain.kernel.paging import Page, PageRequest
from plexsphere_domain.kernel.transactions import Transactions
from plexsphere_domain.tenancy.ports import TenancyTransaction, Visible
from plexsphere_domain.tenancy.projects.errors import ProjectNotFound
from plexsphere_domain.tenancy.resources.errors import ResourceNotFound, ResourcesNotProvisioned
from plexsphere_domain.tenancy.resources.events import ResourceCreated, ResourceDeleted
from plexsphere_domain.tenancy.resources.model import Adoption, Declaration, Origin, ProvisioningOrder, Resource
from plexsphere_domain.tenancy.resources.ports import NodeRetirement, ProvisioningBroker

Tx = TypeVar("Tx", bound=TenancyTransaction)


class NoBroker:
    """The broker of a deployment that provisions nothing."""

    async def accept(self, project: ProjectId, order: ProvisioningOrder, *, by: Actor) -> Resource:
        raise ResourcesNotProvisioned

    async def withdraw(self, resource: Resource, *, by: Actor) -> None:
        raise ResourcesNotProvisioned


NO_BROKER = NoBroker()


@frozen(kw_only=True)
class Resources(Generic[Tx]):
    """Creates, shows and deletes Resources. Whether the caller may was decided before."""

    transactions: Transactions[Tx]
    clock: Clock
    new_id: NewId
    observable: Visible
    retirement: NodeRetirement[Tx]
    broker: ProvisioningBroker = NO_BROKER

    async def create(self, project_id: ProjectId, declaration: Declaration, *, by: Actor) -> Resource:
        """Raises ProjectNotFound; ResourceExternalRefConflict; and for orders what the broker raises."""
        match declaration:
            case Adoption():
                return await self._adopt(project_id, declaration, by)
            case ProvisioningOrder():
                return await self.broker.accept(project_id, declaration, by=by)

    async def _adopt(self, project_id: ProjectId, adoption: Adoption, by: Actor) -> Resource:
        async with self.transactions.begin() as tx:
            project = await tx.projects.get(project_id)
            if project is None:
                raise ProjectNotFound
            resource = Resource.adopted(adoption, project=project, id=ResourceId(self.new_id()), now=self.clock.now())
            await tx.resources.add(resource)
            await tx.outbox.append(
                ResourceCreated(
                    domain_id=resource.domain_id,
                    project_id=resource.project_id,
                    resource_id=resource.id,
                    kind=resource.kind,
                )
            )
            await tx.journal.record(_action("create", resource, by))
        return resource

    async def get(self, id: ResourceId) -> Resource:
        """Raises ResourceNotFound."""
        async with self.transactions.begin() as tx:
            return _found(await tx.resources.get(id))

    async def page(self, project_id: ProjectId, request: PageRequest, *, by: Actor) -> Page[Resource]:
        """The window of the Project's Resources in order of creation, without those that the caller may not observe."""
        async with self.transactions.begin() as tx:
            window = await tx.resources.page(project_id, request)
        observable = await self.observable(by, [resource.id for resource in window.items])
        return window.keep(lambda resource: resource.id in observable)

    async def delete(self, id: ResourceId, *, by: Actor) -> Resource:
        """An adopted Resource goes, and its Nodes are deregistered with it; of a provisioned one the teardown begins.

        The Resource as it was; raises ResourceNotFound, and what the broker raises.
        """
        async with self.transactions.begin() as tx:
            resource = _found(await tx.resources.claimed(id))
            if resource.origin is Origin.PROVISIONED:
                await self.broker.withdraw(resource, by=by)
                return resource
            await self.retirement.retire(tx, id, by=by)
            await tx.resources.remove(id)
            await tx.outbox.append(
                ResourceDeleted(domain_id=resource.domain_id, project_id=resource.project_id, resource_id=id)
            )
            await tx.journal.record(_action("delete", resource, by))
        return resource


def _found(resource: Resource | None) -> Resource:
    if resource is None:
        raise ResourceNotFound
    return resource


def _action(verb: str, resource: Resource, by: Actor) -> PrivilegedAction:
    return PrivilegedAction(
        action=f"resource.{verb}", object_type="resource", object_id=resource.id, domain_id=resource.domain_id, by=by
    )
