"""The facts of this context."""

from attrs import frozen

from plexsphere_domain.kernel.actor import Principal
from plexsphere_domain.kernel.events import DomainEvent


@frozen(kw_only=True)
class PlatformOperatorAppointed(DomainEvent):
    """The principal manages the platform from here on. A fact of the platform: `domain_id` is None."""

    operator: Principal
