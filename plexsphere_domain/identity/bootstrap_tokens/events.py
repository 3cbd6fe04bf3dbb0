"""What happens to bootstrap tokens before a machine redeems them."""

from attrs import frozen

from plexsphere_domain.kernel.events import DomainEvent
from plexsphere_domain.kernel.ids import BootstrapTokenId, DomainId, ProjectId


@frozen(kw_only=True)
class BootstrapTokenIssued(DomainEvent):
    """A token can be redeemed from here on, once."""

    domain_id: DomainId
    project_id: ProjectId
    token_id: BootstrapTokenId


@frozen(kw_only=True)
class BootstrapTokenRevoked(DomainEvent):
    """An operator took back a token that no machine had redeemed."""

    domain_id: DomainId
    project_id: ProjectId
    token_id: BootstrapTokenId
