"""The path and query parameters that operations share."""

from typing import Annotated

from plexsphere_adapters.http.errors import (
    InvalidBootstrapTokenId,
    InvalidDomainFilter,
    InvalidDomainId,
    InvalidNodeId,
    InvalidProjectId,
    InvalidResourceId,
)
from plexsphere_adapters.http.operation import InPath, InQuery
from plexsphere_domain.kernel.ids import BootstrapTokenId, DomainId, NodeId, ProjectId, ResourceId

DomainInPath = Annotated[DomainId, InPath(InvalidDomainId)]
ProjectInPath = Annotated[ProjectId, InPath(InvalidProjectId)]
ResourceInPath = Annotated[ResourceId, InPath(InvalidResourceId)]
NodeInPath = Annotated[NodeId, InPath(InvalidNodeId)]
BootstrapTokenInPath = Annotated[BootstrapTokenId, InPath(InvalidBootstrapTokenId)]
DomainFilter = Annotated[DomainId | None, InQuery(InvalidDomainFilter)]
