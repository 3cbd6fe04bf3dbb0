"""What API tokens need from outside."""

from typing import Protocol

from attrs import field, frozen

from plexsphere_domain.identity.api_tokens.model import ApiToken
from plexsphere_domain.kernel.ids import ApiTokenId
from plexsphere_domain.kernel.secrets import SecretBytes
from plexsphere_domain.kernel.transactions import Transaction, Transactions


@frozen
class StoredApiToken:
    """A token's row, and the newest revision of the relation graph at the moment it was read."""

    token: ApiToken
    graph_revision: str | None = field(repr=False)


class ApiTokenLookup(Protocol):
    """The row of a presented token, read afresh for every request, so that a revocation is immediate everywhere."""

    async def __call__(self, token: ApiTokenId) -> StoredApiToken | None: ...


class ApiTokens(Protocol):
    """The tokens, inside a transaction."""

    async def add(self, token: ApiToken) -> None: ...

    async def named(self, name: str) -> list[ApiToken]:
        """Every token of this name, revoked ones too, oldest first."""
        ...

    async def save(self, token: ApiToken) -> None:
        """Writes the token's fate."""
        ...


class ApiTokenTransaction(Transaction, Protocol):
    @property
    def api_tokens(self) -> ApiTokens: ...


TokenTransactions = Transactions[ApiTokenTransaction]


class RandomBytes(Protocol):
    def __call__(self, count: int, /) -> SecretBytes: ...
