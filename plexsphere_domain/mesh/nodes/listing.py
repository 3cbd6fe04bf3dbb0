"""Which Nodes there are, as far as their reader may see them."""

from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

from attrs import frozen

from plexsphere_domain.kernel.actor import Actor
from plexsphere_domain.kernel.ids import DomainId, NodeId
from plexsphere_domain.kernel.paging import Page, PageRequest
from plexsphere_domain.mesh.nodes.errors import NodeNotFound
from plexsphere_domain.mesh.nodes.ports import NodeDirectory, NodeSummary


class Visible(Protocol):
    async def __call__(self, actor: Actor, ids: Iterable[UUID], /) -> frozenset[UUID]:
        """Those of the Nodes that the actor may read, by one bulk check. Raises `Unavailable`: nothing is guessed."""
        ...


@frozen
class NodeListing:
    """A page is cut first and filtered afterwards, so it may be short, or empty, with more to come."""

    directory: NodeDirectory
    readable: Visible

    async def page(self, request: PageRequest, *, domain: DomainId | None, by: Actor) -> Page[NodeSummary]:
        page = await self.directory.page(request, domain)
        readable = await self.readable(by, [node.id for node in page.items])
        return page.keep(lambda node: node.id in readable)

    async def domain_of(self, node: NodeId) -> DomainId:
        """The Domain that a live Node is in. Raises NodeNotFound."""
        domain = await self.directory.domain_of(node)
        if domain is None:
            raise NodeNotFound(node)
        return domain
