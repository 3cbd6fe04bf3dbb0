"""What the memory holds. Rows are immutable values, so a copy of the containers is a snapshot of everything."""

from datetime import datetime

from attrs import Factory, define, fields, frozen

from plexsphere_domain.identity.bootstrap_tokens.model import BootstrapToken
from plexsphere_domain.kernel.events import DomainEvent
from plexsphere_domain.kernel.ids import BootstrapTokenId, DomainId, NodeId, ProjectId, ResourceId
from plexsphere_domain.kernel.journal import PrivilegedAction
from plexsphere_domain.mesh.nodes.model import Node, StoredNsk
from plexsphere_domain.mesh.nodes.secret_key import NskDigest
from plexsphere_domain.mesh.reachability.heartbeat import Heartbeat
from plexsphere_domain.mesh.reachability.model import Liveness
from plexsphere_domain.tenancy.domains.model import Domain
from plexsphere_domain.tenancy.projects.model import Project
from plexsphere_domain.tenancy.resources.model import Resource


@frozen
class Tombstone:
    """What remains of a retired Node; `version` is the one of its Domain's peers at which it left."""

    domain_id: DomainId
    digest: NskDigest
    version: int
    deregistered_at: datetime


@define(kw_only=True)
class Tables:
    """`events` and `actions` are the outbox and the journal, in the order in which they were committed."""

    domains: dict[DomainId, Domain] = Factory(dict)
    projects: dict[ProjectId, Project] = Factory(dict)
    resources: dict[ResourceId, Resource] = Factory(dict)
    bootstrap_tokens: dict[BootstrapTokenId, BootstrapToken] = Factory(dict)
    nodes: dict[NodeId, tuple[Node, StoredNsk]] = Factory(dict)
    tombstones: dict[NodeId, Tombstone] = Factory(dict)
    peers_versions: dict[DomainId, int] = Factory(dict)
    node_versions: dict[NodeId, int] = Factory(dict)
    liveness: dict[NodeId, Liveness] = Factory(dict)
    heartbeats: dict[NodeId, Heartbeat] = Factory(dict)
    events: list[DomainEvent] = Factory(list)
    actions: list[PrivilegedAction] = Factory(list)

    def copy(self) -> "Tables":
        return Tables(**{field.name: getattr(self, field.name).copy() for field in fields(Tables)})
