"""Bootstrap tokens in memory."""

from collections.abc import Sequence

from attrs import frozen

from plexsphere_adapters.memory.paging import page_of
from plexsphere_adapters.memory.tables import Tables
from plexsphere_domain.identity.bootstrap_tokens.errors import NonceCollision, ProjectOfTokenNotFound
from plexsphere_domain.identity.bootstrap_tokens.model import BootstrapToken, Redeemed
from plexsphere_domain.identity.bootstrap_tokens.plaintext import TokenPlaintext
from plexsphere_domain.kernel.ids import BootstrapTokenId, ProjectId
from plexsphere_domain.kernel.paging import Page, PageRequest


@frozen
class MemoryBootstrapTokens:
    tables: Tables

    async def add(self, token: BootstrapToken) -> None:
        if token.scope.project_id not in self.tables.projects:
            raise ProjectOfTokenNotFound
        self.tables.bootstrap_tokens[token.id] = token

    async def get(self, project: ProjectId, id: BootstrapTokenId) -> BootstrapToken | None:
        token = self.tables.bootstrap_tokens.get(id)
        return token if token and token.scope.project_id == project else None

    async def claimed(self, id: BootstrapTokenId) -> BootstrapToken | None:
        return self.tables.bootstrap_tokens.get(id)

    async def candidates(self, plaintext: TokenPlaintext) -> Sequence[BootstrapToken]:
        tokens = self.tables.bootstrap_tokens.values()
        return [each for each in tokens if (each.scope, each.selector) == (plaintext.scope, plaintext.selector)]

    async def page(self, project: ProjectId, request: PageRequest) -> Page[BootstrapToken]:
        rows = (each for each in self.tables.bootstrap_tokens.values() if each.scope.project_id == project)
        return page_of(rows, request, lambda token: (token.issued_at.isoformat(), str(token.id)))

    async def save(self, token: BootstrapToken) -> None:
        others = (each for each in self.tables.bootstrap_tokens.values() if each.id != token.id)
        siblings = (each for each in others if each.scope.project_id == token.scope.project_id)
        if isinstance(token.fate, Redeemed) and any(each.was_redeemed_with(token.fate.nonce) for each in siblings):
            raise NonceCollision
        self.tables.bootstrap_tokens[token.id] = token
