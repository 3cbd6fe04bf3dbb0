"""A bootstrap token: the one-shot credential with which a machine becomes a Node.

The rules of redemption, in the order in which they are checked:
 1. the token's kind is the kind of Node that redeems it,
 2. the token belongs to the Project that is named,
 3. it was not redeemed before,
 4. it has not expired: the instant of expiry is already too late,
 5. it was not revoked,
 6. no token of the Project was redeemed with the same nonce (the repository sees all of them and enforces it).
A refusal leaves the token as it was. Only `redeem` ends its life as a credential; `revoke` ends it as a mistake, also
after it has expired.
"""

import re
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Self
from uuid import UUID

from attrs import evolve, field, frozen

from plexsphere_domain.identity.bootstrap_tokens.errors import (
    InvalidTokenRequest,
    KindMismatch,
    ProjectMismatch,
    RevokedBefore,
    RevokedTooLate,
    TokenConsumed,
    TokenExpired,
    TokenRevoked,
)
from plexsphere_domain.identity.credentials import CredentialHash
from plexsphere_domain.kernel.ids import BootstrapTokenId, ProjectId

SHORTEST_LIFE = timedelta(minutes=5)
LONGEST_LIFE = timedelta(hours=24)

_ENV_PREFIX = re.compile(r"[a-z]{1,32}")


class TokenKind(StrEnum):
    """What the redeeming machine becomes."""

    NODE = "node"
    BRIDGE = "bridge"


@frozen(kw_only=True)
class TokenScope:
    """What a token is for. All of it stands in the plaintext, in clear. `env_prefix` is for the eyes of operators."""

    env_prefix: str
    project_id: ProjectId
    kind: TokenKind

    def admit(self, *, kind: TokenKind, project_id: ProjectId) -> None:
        """Raises KindMismatch or ProjectMismatch (rules 1 and 2)."""
        if kind is not self.kind:
            raise KindMismatch
        if project_id != self.project_id:
            raise ProjectMismatch


@frozen
class Nonce:
    """The replay value of a registration request, by its SHA-256: requests may spell it in thousands of characters."""

    digest: bytes = field(repr=False)

    @classmethod
    def of(cls, text: str) -> Self:
        return cls(sha256(text.encode(errors="surrogatepass")).digest())


@frozen
class Live:
    """It can be redeemed while it has not expired."""


@frozen
class Redeemed:
    """It made a Node."""

    at: datetime
    nonce: Nonce


@frozen
class Revoked:
    """An operator took it back."""

    at: datetime


Fate = Live | Redeemed | Revoked


@frozen(kw_only=True)
class TokenRequest:
    """A token as an operator may ask for it; raises `InvalidTokenRequest` otherwise."""

    kind: TokenKind
    env_prefix: str
    ttl_seconds: int

    def __attrs_post_init__(self) -> None:
        if not _ENV_PREFIX.fullmatch(self.env_prefix):
            raise InvalidTokenRequest(field="env_prefix", rule="must be 1..32 lower-case ASCII letters")
        if not SHORTEST_LIFE.total_seconds() <= self.ttl_seconds <= LONGEST_LIFE.total_seconds():
            raise InvalidTokenRequest(field="ttl_seconds", rule="must be 300..86400")

    @classmethod
    def read(cls, *, kind: str, env_prefix: str, ttl_seconds: int) -> Self:
        """The request as spelled."""
        if kind not in set(TokenKind):
            raise InvalidTokenRequest(field="kind", rule="must be one of: node, bridge")
        return cls(kind=TokenKind(kind), env_prefix=env_prefix, ttl_seconds=ttl_seconds)

    @property
    def ttl(self) -> timedelta:
        return timedelta(seconds=self.ttl_seconds)


@frozen(kw_only=True)
class BootstrapToken:
    """What is kept of a token. `selector` is the part of the plaintext that finds the row; it is no secret."""

    id: BootstrapTokenId
    scope: TokenScope
    selector: str
    hash: CredentialHash = field(repr=False)
    issued_at: datetime
    expires_at: datetime
    issued_by: UUID
    fate: Fate = Live()

    def redeem(self, *, kind: TokenKind, project_id: ProjectId, nonce: Nonce, now: datetime) -> "BootstrapToken":
        """The token as redeemed; raises the first refusal that applies (rules 1 to 5)."""
        self.scope.admit(kind=kind, project_id=project_id)
        if isinstance(self.fate, Redeemed):
            raise TokenConsumed
        if now >= self.expires_at:
            raise TokenExpired
        if isinstance(self.fate, Revoked):
            raise TokenRevoked
        return evolve(self, fate=Redeemed(now, nonce))

    def was_redeemed_with(self, nonce: Nonce) -> bool:
        """Whether a request with this nonce could be the repetition of the one that redeemed the token."""
        return isinstance(self.fate, Redeemed) and self.fate.nonce == nonce

    def revoke(self, *, now: datetime) -> "BootstrapToken":
        """The token as revoked; raises RevokedTooLate or RevokedBefore."""
        match self.fate:
            case Redeemed():
                raise RevokedTooLate
            case Revoked():
                raise RevokedBefore
            case Live():
                return evolve(self, fate=Revoked(now))
