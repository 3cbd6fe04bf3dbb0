"""What happens to bootstrap tokens before a machine redeems them."""

from attrs import frozen

from plexsphere_domain.kernel.events import DomainEvent
from plexsphere_domain.kernel.ids import BootstrapTokenId, DomainId, ProjectId


@frozen(kw_only=True)
class BootstrapTokenIssued(DomainEvent):
    domain_id: DomainId
    project_id: ProjectId
    token_id: BootstrapTokenId


@frozen(kw_only=True)
class BootstrapTokenRevoked(DomainEvent):
    domain_id: DomainId
    project_id: ProjectId
    token_id: BootstrapTokenId
