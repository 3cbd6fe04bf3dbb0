"""What Nodes need from outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from attrs import frozen

from plexsphere_domain.kernel.ids import BootstrapTokenId, DomainId, NodeId, ProjectId, ResourceId
from plexsphere_domain.kernel.paging import Page, PageRequest
from plexsphere_domain.kernel.transactions import Transaction
from plexsphere_domain.mesh.addresses.model import Address
from plexsphere_domain.mesh.nodes.model import Node, NodeCredential, StoredNsk


class MeshAddresses(Protocol):
    """The allocator, inside a transaction.

    Both methods first wait for their turn in the Domain, for a bounded time, and keep it until the transaction ends.
    Nodes are added and buried by those who have the turn: allocate or release first.
    """

    async def allocate(self, domain: DomainId, project: ProjectId) -> Address:
        """The lowest free address for a Node of the Project.

        Raises SubrangeExhausted, PoolExhausted, or AllocatorContention when the wait for the turn is too long.
        """
        ...

    async def release(self, domain: DomainId, *addresses: Address) -> None:
        """Make the addresses of retired Nodes free again. Raises AllocatorContention as `allocate` does."""
        ...


class Nodes(Protocol):
    """The live Nodes, inside a transaction. Every change moves the Domain's peers version on by one."""

    async def add(self, node: Node, nsk: StoredNsk) -> None: ...

    async def enrolled_with(self, token: BootstrapTokenId) -> tuple[Node, StoredNsk] | None:
        """The live Node that redeemed the token."""
        ...

    async def of_resource(self, resource: ResourceId) -> Sequence[Node]:
        """The Resource's live Nodes, ascending by id, and the Resource locked: no Node joins it until the end."""
        ...

    async def bury(self, nodes: Sequence[Node], at: datetime) -> None:
        """Replace live Nodes of one Domain by tombstones."""
        ...


class NodeTransaction(Transaction, Protocol):
    @property
    def nodes(self) -> Nodes: ...

    @property
    def mesh_addresses(self) -> MeshAddresses: ...


class NodeCredentialLookup(Protocol):
    """The credential of a Node as of now. Cheap enough to be asked for every request."""

    async def __call__(self, node: NodeId) -> NodeCredential | None: ...


@frozen(kw_only=True)
class NodeSummary:
    """A row of the list of Nodes."""

    id: NodeId
    domain_id: DomainId
    created_at: datetime


class NodeDirectory(Protocol):
    """All live Nodes, ascending by id."""

    async def page(self, request: PageRequest, domain: DomainId | None) -> Page[NodeSummary]: ...

    async def domain_of(self, node: NodeId) -> DomainId | None: ...
