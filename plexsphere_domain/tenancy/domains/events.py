"""What happens to Domains."""

from attrs import frozen

from plexsphere_domain.kernel.actor import Principal
from plexsphere_domain.kernel.events import DomainEvent
from plexsphere_domain.kernel.ids import DomainId


@frozen(kw_only=True)
class DomainCreated(DomainEvent):
    """A Domain came into being; whoever created it owns it."""

    domain_id: DomainId
    slug: str
    created_by: Principal


@frozen(kw_only=True)
class DomainUpdated(DomainEvent):
    """Something about a Domain changed: what its Nodes should do may have changed with it."""

    domain_id: DomainId


@frozen(kw_only=True)
class DomainMeshChanged(DomainEvent):
    """The Domain draws its mesh addresses from another pool."""

    domain_id: DomainId
    mesh_cidr: str


@frozen(kw_only=True)
class DomainDeleted(DomainEvent):
    """The Domain is gone, and was empty."""

    domain_id: DomainId
    slug: str
