"""Authentication with API tokens, and their issue."""

import asyncio
from datetime import datetime, timedelta

from attrs import Factory, field, frozen

from plexsphere_domain.identity.api_tokens.errors import ApiTokenRefused
from plexsphere_domain.identity.api_tokens.model import ApiToken
from plexsphere_domain.identity.api_tokens.plaintext import RANDOM_BYTES, ApiTokenPlaintext
from plexsphere_domain.identity.api_tokens.ports import ApiTokenLookup, ApiTokens, RandomBytes
from plexsphere_domain.identity.api_tokens.verified import VerifiedPlaintexts
from plexsphere_domain.identity.credentials import CredentialHash, CredentialHasher
from plexsphere_domain.kernel.actor import Principal
from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.ids import ApiTokenId, NewId
from plexsphere_domain.kernel.secrets import SecretStr


@frozen
class AuthenticatedCaller:
    """Who presented the token, and the revision of the relation graph its request may rely on (a ZedToken)."""

    principal: Principal
    graph_revision: str | None = field(repr=False)


@frozen
class ApiTokenAuthentication:
    """Turns a presented token into its principal.

    Costs one row look-up per request, and one Argon2 run per token and `verified`'s time to live.
    """

    lookup: ApiTokenLookup
    hasher: CredentialHasher
    clock: Clock
    verified: VerifiedPlaintexts = Factory(VerifiedPlaintexts)
    _running: dict[tuple[bytes, CredentialHash], asyncio.Task[bool]] = field(factory=dict, init=False, repr=False)

    async def authenticate(self, text: SecretStr) -> AuthenticatedCaller:
        """Raises `ApiTokenRefused`, without saying why, and `Unavailable` when the row or the check cannot be had."""
        presented = ApiTokenPlaintext.parse(text.reveal())
        if presented is None:
            raise ApiTokenRefused
        stored = await self.lookup(presented.id)
        now = self.clock.now()
        if stored is None or not stored.token.usable(now):
            raise ApiTokenRefused
        if not await self._proven(presented, stored.token.hash, now):
            raise ApiTokenRefused
        return AuthenticatedCaller(stored.token.principal, stored.graph_revision)

    async def _proven(self, presented: ApiTokenPlaintext, against: CredentialHash, now: datetime) -> bool:
        digest = presented.digest()
        if self.verified.holds(digest, against, now):
            return True
        if not await self._verify_once(presented, digest, against):
            return False
        self.verified.remember(digest, against, now)
        return True

    async def _verify_once(self, presented: ApiTokenPlaintext, digest: bytes, against: CredentialHash) -> bool:
        """Requests that present the same new token at the same time share one run."""
        key = (digest, against)
        run = self._running.get(key)
        if run is None:
            run = asyncio.create_task(self.hasher.verify(presented.text, against))
            self._running[key] = run
            run.add_done_callback(lambda _: self._running.pop(key, None))
        return await asyncio.shield(run)


@frozen(kw_only=True)
class IssuedApiToken:
    """A new token with its plaintext: the only time that it is seen."""

    token: ApiToken
    plaintext: SecretStr


@frozen(kw_only=True)
class ApiTokenIssuing:
    """Makes tokens. The caller's transaction decides whether they come to exist."""

    hasher: CredentialHasher
    clock: Clock
    new_id: NewId
    random_bytes: RandomBytes

    async def issue(
        self, tokens: ApiTokens, *, principal: Principal, name: str, env: str, ttl: timedelta | None
    ) -> IssuedApiToken:
        """A token that acts as `principal`, for `ttl` or, where that is None, until it is revoked."""
        now = self.clock.now()
        token_id = ApiTokenId(self.new_id())
        plaintext = ApiTokenPlaintext.compose(env=env, id=token_id, random=self.random_bytes(RANDOM_BYTES)).text
        token = ApiToken(
            id=token_id,
            principal=principal,
            hash=await self.hasher.hash(plaintext),
            name=name,
            created_at=now,
            expires_at=now + ttl if ttl else None,
        )
        await tokens.add(token)
        return IssuedApiToken(token=token, plaintext=plaintext)
