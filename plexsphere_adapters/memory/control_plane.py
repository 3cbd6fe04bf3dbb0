"""A control plane in one process, with nothing installed but attrs: the composition root for embedding the domain."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from attrs import frozen

from plexsphere_adapters.memory.mesh import (
    MemoryHeartbeatLog,
    MemoryNodeCredentials,
    MemoryNodeDirectory,
    MemoryPeerLog,
    MemoryStandings,
)
from plexsphere_adapters.memory.scrypt import ScryptHasher
from plexsphere_adapters.memory.sealing import MemoryKeyWrap
from plexsphere_adapters.memory.signing import MemoryKeyProvider
from plexsphere_adapters.memory.transactions import MemoryTransaction, MemoryTransactions
from plexsphere_adapters.registration_keys import RegistrationKeys
from plexsphere_adapters.system import SystemClock, random_bytes, uuid7
from plexsphere_domain.identity.bootstrap_tokens.service import BootstrapTokens
from plexsphere_domain.identity.registration.service import Registration
from plexsphere_domain.kernel.actor import Actor
from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.events import DomainEvent
from plexsphere_domain.kernel.ids import NewId
from plexsphere_domain.kernel.journal import PrivilegedAction
from plexsphere_domain.mesh.nodes.authentication import NodeAuthentication
from plexsphere_domain.mesh.nodes.listing import NodeListing
from plexsphere_domain.mesh.nodes.retirement import NodeRetirement
from plexsphere_domain.mesh.reachability.service import HeartbeatIntake, ReachabilityEvaluator, ReachabilityReading
from plexsphere_domain.mesh.state.directories import PeerDirectories
from plexsphere_domain.mesh.state.service import DesiredState, PeersOfNode
from plexsphere_domain.signing.model import DeploymentHost
from plexsphere_domain.signing.service import SigningService
from plexsphere_domain.tenancy.domains.service import Domains
from plexsphere_domain.tenancy.ports import Visible
from plexsphere_domain.tenancy.projects.service import Projects
from plexsphere_domain.tenancy.resources.service import Resources


@frozen(kw_only=True)
class ControlPlane:
    """The application services, all on one memory.

    They do not ask whether a caller may: that is decided before, by whoever embeds them.
    """

    transactions: MemoryTransactions
    domains: Domains
    projects: Projects
    resources: Resources[MemoryTransaction]
    bootstrap_tokens: BootstrapTokens
    registration: Registration
    node_authentication: NodeAuthentication
    nodes: NodeListing
    desired_state: DesiredState
    heartbeats: HeartbeatIntake
    reachability: ReachabilityReading
    evaluator: ReachabilityEvaluator
    signing: SigningService

    @property
    def facts(self) -> Sequence[DomainEvent]:
        """Everything that happened, in the order in which it was committed."""
        return tuple(self.transactions.tables.events)

    @property
    def actions(self) -> Sequence[PrivilegedAction]:
        """What was done, and by whom, in the order in which it was committed."""
        return tuple(self.transactions.tables.actions)


async def everything(actor: Actor, ids: Iterable[UUID], /) -> frozenset[UUID]:
    """A `Visible` that hides nothing from anybody."""
    return frozenset(ids)


SYSTEM_CLOCK = SystemClock()


def control_plane(
    *, host: str = "localhost", clock: Clock = SYSTEM_CLOCK, new_id: NewId = uuid7, visible: Visible = everything
) -> ControlPlane:
    """An empty control plane, as new. `host` names the deployment in the kids of its signing keys.

    `visible` says which rows of a list an actor may see.
    """
    transactions = MemoryTransactions()
    hasher, wrap = ScryptHasher(), MemoryKeyWrap()
    signing = SigningService(MemoryKeyProvider(), DeploymentHost(host))
    standings = MemoryStandings(transactions)
    directories = PeerDirectories(MemoryPeerLog(transactions))
    return ControlPlane(
        transactions=transactions,
        domains=Domains(transactions=transactions, clock=clock, new_id=new_id, readable=visible),
        projects=Projects(transactions=transactions, clock=clock, new_id=new_id, readable=visible),
        resources=Resources(
            transactions=transactions,
            clock=clock,
            new_id=new_id,
            observable=visible,
            retirement=NodeRetirement(clock),
        ),
        bootstrap_tokens=BootstrapTokens(
            transactions=transactions, clock=clock, new_id=new_id, random_bytes=random_bytes, hasher=hasher
        ),
        registration=Registration(
            transactions=transactions,
            hasher=hasher,
            signing_keys=RegistrationKeys(signing),
            wrap=wrap,
            peers=PeersOfNode(standings, directories),
            clock=clock,
            new_id=new_id,
            random_bytes=random_bytes,
        ),
        node_authentication=NodeAuthentication(lookup=MemoryNodeCredentials(transactions), clock=clock),
        nodes=NodeListing(MemoryNodeDirectory(transactions), visible),
        desired_state=DesiredState(standings=standings, directories=directories, clock=clock),
        heartbeats=HeartbeatIntake(MemoryHeartbeatLog(transactions, clock), clock),
        reachability=ReachabilityReading(standings, clock),
        evaluator=ReachabilityEvaluator(transactions=transactions, clock=clock),
        signing=signing,
    )
