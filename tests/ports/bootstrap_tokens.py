"""What every store of bootstrap tokens promises, through the service that stands on it.

Subclassed for memory (unit) and PostgreSQL (integration). A subclass provides the fixture `transactions`.
"""

from asyncio import gather
from datetime import timedelta
from hashlib import sha256
from typing import Protocol
from uuid import uuid4

import pytest
from attrs import Factory, define

from plexsphere_adapters.system import random_bytes, uuid7
from plexsphere_domain.identity.bootstrap_tokens.errors import (
    BootstrapTokenNotFound,
    NonceCollision,
    ProjectOfTokenNotFound,
    RevokedBefore,
    RevokedTooLate,
    TokenConsumed,
    TokenRevoked,
    TokenUnknown,
)
from plexsphere_domain.identity.bootstrap_tokens.model import BootstrapToken, Nonce, TokenKind, TokenRequest
from plexsphere_domain.identity.bootstrap_tokens.plaintext import TokenPlaintext
from plexsphere_domain.identity.bootstrap_tokens.ports import BootstrapTokenRepository
from plexsphere_domain.identity.bootstrap_tokens.recognition import recognise
from plexsphere_domain.identity.bootstrap_tokens.service import BootstrapTokens, IssuedToken
from plexsphere_domain.identity.credentials import CredentialHash, CredentialHasher
from plexsphere_domain.kernel.ids import BootstrapTokenId, ProjectId
from plexsphere_domain.kernel.paging import PageRequest
from plexsphere_domain.kernel.secrets import SecretStr
from plexsphere_domain.kernel.transactions import Transactions
from plexsphere_domain.tenancy.ports import TenancyTransaction
from tests.ports.tenancy import BY, Tenancy, Ticking


class TokenTransaction(TenancyTransaction, Protocol):
    @property
    def bootstrap_tokens(self) -> BootstrapTokenRepository: ...


class QuickHasher:
    """Stands in for Argon2id where it is the store that is tested: it is slow on purpose."""

    async def hash(self, plaintext: SecretStr) -> CredentialHash:
        return CredentialHash("$argon2id$" + sha256(plaintext.reveal().encode()).hexdigest())

    async def verify(self, plaintext: SecretStr, against: CredentialHash) -> bool:
        return await self.hash(plaintext) == against


@define
class Tokens:
    """The service over one store, and a redemption as registration does it."""

    transactions: Transactions[TokenTransaction]
    clock: Ticking = Factory(Ticking)
    hasher: CredentialHasher = Factory(QuickHasher)

    @property
    def service(self) -> BootstrapTokens:
        return BootstrapTokens(
            transactions=self.transactions,
            clock=self.clock,
            new_id=uuid7,
            random_bytes=random_bytes,
            hasher=self.hasher,
        )

    async def project(self) -> ProjectId:
        tenancy = Tenancy(self.transactions)
        return (await tenancy.project(await tenancy.domain())).id

    async def issue(self, project: ProjectId, kind: str = "node") -> IssuedToken:
        return await self.service.issue(
            project, TokenRequest.read(kind=kind, env_prefix="prod", ttl_seconds=3600), by=BY
        )

    async def recognise(self, plaintext: SecretStr) -> BootstrapToken:
        parsed = TokenPlaintext.parse(plaintext)
        async with self.transactions.begin() as tx:
            candidates = await tx.bootstrap_tokens.candidates(parsed)
        return await recognise(parsed, candidates, self.hasher)

    async def redeem(self, token: BootstrapToken, nonce: str) -> BootstrapToken:
        async with self.transactions.begin() as tx:
            current = await tx.bootstrap_tokens.claimed(token.id)
            assert current is not None
            scope = current.scope
            redeemed = current.redeem(
                kind=scope.kind, project_id=scope.project_id, nonce=Nonce.of(nonce), now=token.issued_at
            )
            await tx.bootstrap_tokens.save(redeemed)
        return redeemed


class BootstrapTokenContract:
    @pytest.fixture
    def tokens(self, transactions: Transactions[TokenTransaction]) -> Tokens:
        return Tokens(transactions)

    @pytest.fixture
    async def project(self, tokens: Tokens) -> ProjectId:
        return await tokens.project()

    async def test_a_token_is_found_as_it_was_issued(self, tokens: Tokens, project: ProjectId) -> None:
        issued = await tokens.issue(project, "bridge")
        found = await tokens.service.get(project, issued.token.id)
        assert found == issued.token
        assert found.expires_at - found.issued_at == timedelta(hours=1)
        assert (found.issued_by, found.scope.kind) == (BY.principal.id, TokenKind.BRIDGE)

    async def test_tokens_belong_to_a_project(self, tokens: Tokens, project: ProjectId) -> None:
        with pytest.raises(ProjectOfTokenNotFound):
            await tokens.issue(ProjectId(uuid7()))
        with pytest.raises(ProjectOfTokenNotFound):
            await tokens.service.page(ProjectId(uuid7()), PageRequest())
        token = (await tokens.issue(project)).token
        other = await tokens.project()
        for attempt in (
            tokens.service.get(other, token.id),
            tokens.service.get(ProjectId(uuid7()), token.id),
            tokens.service.get(project, BootstrapTokenId(uuid7())),
            tokens.service.revoke(other, token.id, by=BY),
            tokens.service.revoke(project, BootstrapTokenId(uuid7()), by=BY),
        ):
            with pytest.raises(BootstrapTokenNotFound):
                await attempt

    async def test_a_plaintext_is_recognised_among_others(self, tokens: Tokens, project: ProjectId) -> None:
        issued = [await tokens.issue(project) for _ in range(3)]
        assert await tokens.recognise(issued[1].plaintext) == issued[1].token
        async with tokens.transactions.begin() as tx:
            candidates = await tx.bootstrap_tokens.candidates(TokenPlaintext.parse(issued[1].plaintext))
        assert [each.id for each in candidates] == [issued[1].token.id]

    async def test_a_wrong_secret_is_unknown(self, tokens: Tokens, project: ProjectId) -> None:
        text = (await tokens.issue(project)).plaintext.reveal()
        forged = text[:-1] + ("a" if text[-1] != "a" else "b")
        for unknown in (forged, text.replace("_prod_", "_test_"), text.replace("_node_", "_bridge_")):
            with pytest.raises(TokenUnknown):
                await tokens.recognise(SecretStr(unknown))

    async def test_a_redeemed_token_is_still_recognised_and_refused(self, tokens: Tokens, project: ProjectId) -> None:
        issued = await tokens.issue(project)
        redeemed = await tokens.redeem(issued.token, "n-1")
        assert await tokens.recognise(issued.plaintext) == redeemed
        with pytest.raises(TokenConsumed):
            await tokens.redeem(issued.token, "n-1")
        with pytest.raises(RevokedTooLate):
            await tokens.service.revoke(project, issued.token.id, by=BY)

    async def test_a_token_is_revoked_once(self, tokens: Tokens, project: ProjectId) -> None:
        issued = await tokens.issue(project)
        await tokens.service.revoke(project, issued.token.id, by=BY)
        with pytest.raises(RevokedBefore):
            await tokens.service.revoke(project, issued.token.id, by=BY)
        with pytest.raises(TokenRevoked):
            await tokens.redeem(issued.token, "n-1")

    async def test_a_nonce_is_used_once_in_a_project(self, tokens: Tokens, project: ProjectId) -> None:
        first, second = await tokens.issue(project), await tokens.issue(project)
        elsewhere = await tokens.issue(await tokens.project())
        nonce = "long " * 800
        await tokens.redeem(first.token, nonce)
        with pytest.raises(NonceCollision):
            await tokens.redeem(second.token, nonce)
        assert await tokens.recognise(second.plaintext) == second.token
        await tokens.redeem(elsewhere.token, nonce)

    async def test_pages_go_by_issue(self, tokens: Tokens, project: ProjectId) -> None:
        issued = [(await tokens.issue(project)).token for _ in range(3)]
        first = await tokens.service.page(project, PageRequest(limit=2))
        second = await tokens.service.page(project, PageRequest(after=first.next, limit=2))
        assert [*first.items, *second.items] == issued
        assert second.next is None

    async def test_tokens_go_with_their_project(self, tokens: Tokens, project: ProjectId) -> None:
        issued = await tokens.issue(project)
        await Tenancy(tokens.transactions).projects.delete(project, by=BY)
        with pytest.raises(TokenUnknown):
            await tokens.recognise(issued.plaintext)

    async def test_of_concurrent_redemptions_exactly_one_wins(self, tokens: Tokens, project: ProjectId) -> None:
        token = (await tokens.issue(project)).token
        attempts = (tokens.redeem(token, f"n-{number}") for number in range(6))
        outcomes = await gather(*attempts, return_exceptions=True)
        assert sorted(type(each).__name__ for each in outcomes) == ["BootstrapToken"] + ["TokenConsumed"] * 5

    async def test_of_concurrent_redemptions_with_one_nonce_one_wins(self, tokens: Tokens, project: ProjectId) -> None:
        issued = [(await tokens.issue(project)).token for _ in range(4)]
        nonce = uuid4().hex
        outcomes = await gather(*(tokens.redeem(each, nonce) for each in issued), return_exceptions=True)
        assert sorted(type(each).__name__ for each in outcomes) == ["BootstrapToken"] + ["NonceCollision"] * 3

    async def test_a_redemption_and_a_revocation_do_not_both_win(self, tokens: Tokens, project: ProjectId) -> None:
        for number in range(6):
            token = (await tokens.issue(project)).token
            redeemed, revoked = await gather(
                tokens.redeem(token, f"n-{number}"),
                tokens.service.revoke(project, token.id, by=BY),
                return_exceptions=True,
            )
            if isinstance(redeemed, BootstrapToken):
                assert isinstance(revoked, RevokedTooLate)
            else:
                assert isinstance(redeemed, TokenRevoked)
                assert revoked is None

    async def test_a_token_is_not_issued_into_a_project_that_vanishes(self, tokens: Tokens) -> None:
        for _ in range(4):
            project = await tokens.project()
            issued, deleted = await gather(
                tokens.issue(project),
                Tenancy(tokens.transactions).projects.delete(project, by=BY),
                return_exceptions=True,
            )
            assert deleted is None
            if isinstance(issued, IssuedToken):
                with pytest.raises(TokenUnknown):
                    await tokens.recognise(issued.plaintext)
            else:
                assert isinstance(issued, ProjectOfTokenNotFound)
