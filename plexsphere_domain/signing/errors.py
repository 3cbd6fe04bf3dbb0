"""Why something is not signed."""

from typing import ClassVar

from attrs import define

from plexsphere_domain.kernel.errors import Conflict, Invalid, NotFound, TooLarge, Unavailable
from plexsphere_domain.kernel.ids import DomainId


@define(eq=False)
class NoSigningKey(NotFound):
    """The Domain has no key; one has to be ensured before anything of it can be signed."""

    code: ClassVar[str] = "no_signing_key"
    domain: DomainId

    @property
    def detail(self) -> str:
        return f"the Domain {self.domain} has no signing key"


@define(eq=False)
class KidNotActive(Conflict):
    """The bytes were built for a key that is not the Domain's active one: build them anew and ask again."""

    code: ClassVar[str] = "kid_not_active"
    kid: str

    @property
    def detail(self) -> str:
        return f"{self.kid} is not the active signing key of its Domain"


@define(eq=False)
class SigningKeyUnusable(Conflict):
    """A key of the Domain cannot be opened, and no other Domain is concerned. It stays so until the key is mended."""

    code: ClassVar[str] = "signing_key_unusable"
    domain: DomainId

    @property
    def detail(self) -> str:
        return f"the Domain {self.domain} has a signing key that cannot be opened"


@define(eq=False)
class InvalidKid(Invalid):
    code: ClassVar[str] = "invalid_kid"
    kid: str

    @property
    def detail(self) -> str:
        return "a kid reads did:web:<host>#key-<domain id>-<number>"


@define(eq=False)
class InvalidDeploymentHost(Invalid):
    code: ClassVar[str] = "invalid_deployment_host"
    host: str

    @property
    def detail(self) -> str:
        return "a deployment host is a DNS name or an IPv4 address in lower case, optionally with :port"


@define(eq=False)
class BatchTooLarge(TooLarge):
    """The batch exceeds a ceiling of `MAX_MESSAGES`, `MAX_MESSAGE_BYTES` or `MAX_BATCH_BYTES`."""

    code: ClassVar[str] = "signing_batch_too_large"
    limit: str

    @property
    def detail(self) -> str:
        return f"a batch to sign may hold {self.limit}"


@define(eq=False)
class SigningUnavailable(Unavailable):
    """The signer cannot be reached or cannot open the keys. Nothing was signed; the request may be repeated."""

    code: ClassVar[str] = "signing_unavailable"

    @property
    def detail(self) -> str:
        return "the Signing Service is unavailable; nothing was done, try again"
