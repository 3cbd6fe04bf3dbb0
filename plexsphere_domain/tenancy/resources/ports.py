"""What Resources need from outside."""

from typing import Protocol, TypeVar

from plexsphere_domain.kernel.actor import Actor
from plexsphere_domain.kernel.ids import ProjectId, ResourceId
from plexsphere_domain.kernel.paging import Page, PageRequest
from plexsphere_domain.kernel.transactions import Transaction
from plexsphere_domain.tenancy.resources.model import ProvisioningOrder, Resource


class ResourceRepository(Protocol):
    """The Resources, inside a transaction."""

    async def add(self, resource: Resource) -> None:
        """Raises `ProjectNotFound` or `ResourceExternalRefConflict`."""

    async def get(self, id: ResourceId) -> Resource | None: ...

    async def claimed(self, id: ResourceId) -> Resource | None:
        """The Resource for this transaction alone: nobody enrols on it meanwhile."""

    async def page(self, project: ProjectId, request: PageRequest) -> Page[Resource]:
        """By `(created_at, id)`, ascending."""

    async def remove(self, id: ResourceId) -> None: ...


Tx_contra = TypeVar("Tx_contra", bound=Transaction, contravariant=True)


class NodeRetirement(Protocol[Tx_contra]):
    async def retire(self, tx: Tx_contra, resource: ResourceId, *, by: Actor) -> None:
        """Deregister every live Node of the Resource, in this transaction. Raises an `Unavailable`."""


class ProvisioningBroker(Protocol):
    """Makes Resources, and unmakes them, in its own time."""

    async def accept(self, project: ProjectId, order: ProvisioningOrder, *, by: Actor) -> Resource:
        """The Resource that is to be. Raises `ProjectNotFound`, `BlueprintNotFound`, `CloudCredentialNotFound`."""

    async def withdraw(self, resource: Resource, *, by: Actor) -> None:
        """Begin the teardown of a Resource that the broker made."""
