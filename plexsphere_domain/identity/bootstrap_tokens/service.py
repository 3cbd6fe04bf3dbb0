"""What operators do with bootstrap tokens. Their redemption belongs to registration."""

from attrs import frozen

from plexsphere_domain.identity.bootstrap_tokens.errors import BootstrapTokenNotFound, ProjectOfTokenNotFound
from plexsphere_domain.identity.bootstrap_tokens.events import BootstrapTokenIssued, BootstrapTokenRevoked
from plexsphere_domain.identity.bootstrap_tokens.model import BootstrapToken, TokenRequest, TokenScope
from plexsphere_domain.identity.bootstrap_tokens.plaintext import SECRET_BYTES, SELECTOR_BYTES, TokenPlaintext
from plexsphere_domain.identity.bootstrap_tokens.ports import BootstrapTokenTransaction, ProjectSeen, RandomBytes
from plexsphere_domain.identity.credentials import CredentialHasher
from plexsphere_domain.kernel.actor import Actor
from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.ids import BootstrapTokenId, DomainId, NewId, ProjectId
from plexsphere_domain.kernel.journal import PrivilegedAction
from plexsphere_domain.kernel.paging import Page, PageRequest
from plexsphere_domain.kernel.secrets import SecretStr
from plexsphere_domain.kernel.transactions import Transactions


@frozen(kw_only=True)
class IssuedToken:
    """A new token with its plaintext: the only time that it is seen."""

    token: BootstrapToken
    plaintext: SecretStr


@frozen(kw_only=True)
class BootstrapTokens:
    """Issues, shows and revokes the tokens of a Project. Whether the caller may was decided before."""

    transactions: Transactions[BootstrapTokenTransaction]
    clock: Clock
    new_id: NewId
    random_bytes: RandomBytes
    hasher: CredentialHasher

    async def issue(self, project_id: ProjectId, request: TokenRequest, *, by: Actor) -> IssuedToken:
        """Raises ProjectOfTokenNotFound, and what the hasher raises when too many wait for it."""
        async with self.transactions.begin() as tx:
            domain_id = _known(await tx.projects.get(project_id)).domain_id
        scope = TokenScope(env_prefix=request.env_prefix, project_id=project_id, kind=request.kind)
        plaintext = TokenPlaintext.compose(scope, self.random_bytes(SELECTOR_BYTES + SECRET_BYTES))
        stored = await self.hasher.hash(plaintext.text)
        now = self.clock.now()
        token = BootstrapToken(
            id=BootstrapTokenId(self.new_id()),
            scope=scope,
            selector=plaintext.selector,
            hash=stored,
            issued_at=now,
            expires_at=now + request.ttl,
            issued_by=by.principal.id,
        )
        async with self.transactions.begin() as tx:
            await tx.bootstrap_tokens.add(token)
            await tx.outbox.append(BootstrapTokenIssued(domain_id=domain_id, project_id=project_id, token_id=token.id))
            await tx.journal.record(_action("issue", token, domain_id, by))
        return IssuedToken(token=token, plaintext=plaintext.text)

    async def get(self, project_id: ProjectId, id: BootstrapTokenId) -> BootstrapToken:
        """Raises BootstrapTokenNotFound, also for a token of another Project."""
        async with self.transactions.begin() as tx:
            return _found(await tx.bootstrap_tokens.get(project_id, id))

    async def page(self, project_id: ProjectId, request: PageRequest) -> Page[BootstrapToken]:
        """The Project's tokens in the order in which they were issued. Raises ProjectOfTokenNotFound."""
        async with self.transactions.begin() as tx:
            _known(await tx.projects.get(project_id))
            return await tx.bootstrap_tokens.page(project_id, request)

    async def revoke(self, project_id: ProjectId, id: BootstrapTokenId, *, by: Actor) -> None:
        """Raises BootstrapTokenNotFound, RevokedTooLate, RevokedBefore."""
        async with self.transactions.begin() as tx:
            project = await tx.projects.get(project_id)
            token = await tx.bootstrap_tokens.claimed(id)
            if project is None or token is None or token.scope.project_id != project_id:
                raise BootstrapTokenNotFound
            await tx.bootstrap_tokens.save(token.revoke(now=self.clock.now()))
            await tx.outbox.append(
                BootstrapTokenRevoked(domain_id=project.domain_id, project_id=project_id, token_id=id)
            )
            await tx.journal.record(_action("revoke", token, project.domain_id, by))


def _known(project: ProjectSeen | None) -> ProjectSeen:
    if project is None:
        raise ProjectOfTokenNotFound
    return project


def _found(token: BootstrapToken | None) -> BootstrapToken:
    if token is None:
        raise BootstrapTokenNotFound
    return token


def _action(verb: str, token: BootstrapToken, domain_id: DomainId, by: Actor) -> PrivilegedAction:
    return PrivilegedAction(
        action=f"bootstrap_token.{verb}",
        object_type="bootstrap_token",
        object_id=token.id,
        domain_id=domain_id,
        by=by,
    )
