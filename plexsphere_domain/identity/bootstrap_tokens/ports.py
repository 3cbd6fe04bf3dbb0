"""What bootstrap tokens need from outside."""

from collections.abc import Sequence
from typing import Protocol

from plexsphere_domain.identity.bootstrap_tokens.model import BootstrapToken
from plexsphere_domain.identity.bootstrap_tokens.plaintext import TokenPlaintext
from plexsphere_domain.kernel.ids import BootstrapTokenId, DomainId, ProjectId
from plexsphere_domain.kernel.paging import Page, PageRequest
from plexsphere_domain.kernel.secrets import SecretBytes
from plexsphere_domain.kernel.transactions import Transaction


class RandomBytes(Protocol):
    def __call__(self, count: int, /) -> SecretBytes: ...


class BootstrapTokenRepository(Protocol):
    """The tokens, inside a transaction."""

    async def add(self, token: BootstrapToken) -> None:
        """Raises ProjectOfTokenNotFound."""

    async def get(self, project: ProjectId, id: BootstrapTokenId) -> BootstrapToken | None:
        """The token, if it belongs to the Project."""

    async def claimed(self, id: BootstrapTokenId) -> BootstrapToken | None:
        """The token for this transaction alone: of a redemption and a revocation, one sees the other's outcome."""

    async def candidates(self, plaintext: TokenPlaintext) -> Sequence[BootstrapToken]:
        """The tokens whose plaintext this could be, whatever became of them: one, unless selectors collide."""

    async def page(self, project: ProjectId, request: PageRequest) -> Page[BootstrapToken]:
        """By `(issued_at, id)`, ascending."""

    async def save(self, token: BootstrapToken) -> None:
        """Writes the token's fate. Raises NonceCollision."""


class ProjectSeen(Protocol):
    """What tokens need to know of their Project."""

    @property
    def domain_id(self) -> DomainId: ...


class ProjectDirectory(Protocol):
    async def get(self, id: ProjectId) -> ProjectSeen | None: ...


class BootstrapTokenTransaction(Transaction, Protocol):
    @property
    def bootstrap_tokens(self) -> BootstrapTokenRepository: ...

    @property
    def projects(self) -> ProjectDirectory: ...
