"""The list of Nodes, as far as its reader may see them."""

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from plexsphere_domain.kernel.actor import Actor
from plexsphere_domain.kernel.ids import DomainId, NodeId
from plexsphere_domain.kernel.paging import Page, PageRequest
from plexsphere_domain.mesh.nodes.ports import NodeDirectory, NodeSummary


class NodeVisibility(Protocol):
    """Which of many Nodes a principal may read, in one bulk check. Raises `Unavailable`: nothing is guessed."""

    async def readable(self, nodes: Sequence[NodeId], *, by: Actor) -> set[NodeId]: ...


@frozen
class NodeListing:
    """A page is cut first and filtered afterwards, so it may be short, or empty, with more to come."""

    directory: NodeDirectory
    visibility: NodeVisibility

    async def page(self, request: PageRequest, *, domain: DomainId | None, by: Actor) -> Page[NodeSummary]:
        page = await self.directory.page(request, domain)
        readable = await self.visibility.readable([node.id for node in page.items], by=by) if page.items else set()
        return page.keep(lambda node: node.id in readable)
