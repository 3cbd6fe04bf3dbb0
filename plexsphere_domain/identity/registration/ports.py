"""What registration needs from outside."""

from typing import Protocol

from plexsphere_domain.identity.bootstrap_tokens.ports import BootstrapTokenRepository
from plexsphere_domain.identity.registration.model import DomainSigningKey, Placement
from plexsphere_domain.kernel.ids import DomainId, ProjectId
from plexsphere_domain.kernel.secrets import SecretBytes
from plexsphere_domain.kernel.transactions import Transactions
from plexsphere_domain.mesh.nodes.model import Node
from plexsphere_domain.mesh.nodes.ports import NodeTransaction
from plexsphere_domain.mesh.state.directory import PeerView


class Placements(Protocol):
    """Where machines can enrol, inside a transaction."""

    async def find(self, project: ProjectId, handle: str) -> Placement:
        """By the `external_ref` of a Resource of the Project, else by its id as text.

        Raises EnrolmentProjectNotFound or HandleNotFound.
        """
        ...

    async def hold(self, placement: Placement) -> Placement:
        """The placement as it stays until the transaction ends: Domain, Project and Resource are not deleted meanwhile.

        Raises HandleNotFound where the Resource has gone.
        """
        ...


class RegistrationTransaction(NodeTransaction, Protocol):
    @property
    def placements(self) -> Placements: ...

    @property
    def bootstrap_tokens(self) -> BootstrapTokenRepository: ...


RegistrationTransactions = Transactions[RegistrationTransaction]


class DomainSigningKeys(Protocol):
    async def active(self, domain: DomainId) -> DomainSigningKey:
        """The key that signs for the Domain, made where there is none. Raises an Unavailable."""
        ...


class PeerSnapshots(Protocol):
    async def around(self, node: Node) -> PeerView:
        """All other live Nodes of the Node's Domain, as of now. Raises an Unavailable."""
        ...


class RandomBytes(Protocol):
    def __call__(self, count: int, /) -> SecretBytes: ...
