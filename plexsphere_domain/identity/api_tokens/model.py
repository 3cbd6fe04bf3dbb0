"""An API token: a bearer credential that acts as one principal until it is revoked or expires."""

from datetime import datetime

from attrs import evolve, field, frozen

from plexsphere_domain.identity.credentials import CredentialHash
from plexsphere_domain.kernel.actor import Principal
from plexsphere_domain.kernel.ids import ApiTokenId

MAX_NAME = 255


@frozen(kw_only=True)
class ApiToken:
    """What is stored of a token; the plaintext is known to its holder only."""

    id: ApiTokenId
    principal: Principal
    hash: CredentialHash = field(repr=False)
    name: str = field()
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    @name.validator
    def _name(self, _attribute: object, value: str) -> None:
        if not 1 <= len(value) <= MAX_NAME or value != value.strip():
            raise ValueError(f"a token's name is 1..{MAX_NAME} characters without blanks around it")

    def usable(self, now: datetime) -> bool:
        """Whether it still authenticates. The instant of expiry is already too late."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def revoke(self, now: datetime) -> "ApiToken":
        """The token as revoked. The first revocation stays the recorded one."""
        return self if self.revoked_at else evolve(self, revoked_at=now)
