"""The list of Nodes: the tag `nodes`."""

from datetime import datetime
from typing import Self
from uuid import UUID

from plexsphere_adapters.http.identifiers import DomainFilter
from plexsphere_adapters.http.operation import Call, Operation, Paging, ok, operation
from plexsphere_adapters.http.wire import wire
from plexsphere_domain.kernel.paging import Page
from plexsphere_domain.mesh.nodes import ports
from plexsphere_domain.mesh.nodes.listing import NodeListing


@wire
class NodeSummary:
    """A Node. `name` and `kind` are its Resource's, and absent here."""

    id: UUID
    domain_id: UUID
    created_at: datetime
    name: str | None = None
    kind: str | None = None

    @classmethod
    def of(cls, node: ports.NodeSummary) -> Self:
        return cls(id=node.id, domain_id=node.domain_id, created_at=node.created_at)


@operation(
    "GET",
    "/v1/nodes",
    id="ListNodes",
    tag="nodes",
    paging=Paging(name="NodeList"),
    returns=ok(NodeSummary),
)
async def list_nodes(call: Call[None], nodes: NodeListing, domain_id: DomainFilter = None) -> Page[NodeSummary]:
    """List the Nodes that the caller may read, of one Domain or of all."""
    return (await nodes.page(call.page, domain=domain_id, by=call.actor)).map(NodeSummary.of)


OPERATIONS: tuple[Operation, ...] = (list_nodes,)
