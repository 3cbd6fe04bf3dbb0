"""What happens to Resources."""

from attrs import frozen

from plexsphere_domain.kernel.events import DomainEvent
from plexsphere_domain.kernel.ids import DomainId, ProjectId, ResourceId


@frozen(kw_only=True)
class ResourceCreated(DomainEvent):
    """A Project tracks a further Resource."""

    domain_id: DomainId
    project_id: ProjectId
    resource_id: ResourceId
    kind: str


@frozen(kw_only=True)
class ResourceDeleted(DomainEvent):
    """The Resource is gone; its Nodes were deregistered in the same transaction."""

    domain_id: DomainId
    project_id: ProjectId
    resource_id: ResourceId
