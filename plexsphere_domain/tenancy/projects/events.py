"""What happens to Projects."""

from attrs import frozen

from plexsphere_domain.kernel.actor import Principal
from plexsphere_domain.kernel.events import DomainEvent
from plexsphere_domain.kernel.ids import DomainId, ProjectId


@frozen(kw_only=True)
class ProjectCreated(DomainEvent):
    """A Project came into being; whoever created it administers it."""

    domain_id: DomainId
    project_id: ProjectId
    created_by: Principal


@frozen(kw_only=True)
class ProjectUpdated(DomainEvent):
    """Something about a Project changed."""

    domain_id: DomainId
    project_id: ProjectId


@frozen(kw_only=True)
class ProjectDeleted(DomainEvent):
    """The Project is gone, and was empty. Its reservation and its bootstrap tokens went with it."""

    domain_id: DomainId
    project_id: ProjectId
