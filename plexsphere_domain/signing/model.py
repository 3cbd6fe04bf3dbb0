"""A Domain's signing keys, and which of them signs.

The rules:
 1. A key is Ed25519 (RFC 8032); its public half is the 32 raw bytes of section 5.1.5, without any wrapping.
 2. Its kid is a DID URL, `did:web:<deployment host>#key-<domain id>-<number>`, and names this one key for ever.
 3. The keys of a Domain are numbered from 1, ascending and without doubles; the highest is the active one. The others
    stay known, so that what they signed can still be verified, but they sign nothing any more.
 4. Whoever builds bytes that contain a kid names it when the bytes are signed, and is refused when it is not active:
    no signature ever contradicts the bytes under it.
"""

import re
from itertools import pairwise

from attrs import field, frozen

from plexsphere_domain.kernel.ids import DomainId, parse_id
from plexsphere_domain.signing.errors import (
    BatchTooLarge,
    InvalidDeploymentHost,
    InvalidKid,
    KidNotActive,
    NoSigningKey,
)

PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64

MAX_MESSAGES = 1024
MAX_MESSAGE_BYTES = 256 * 1024
MAX_BATCH_BYTES = 4 * 1024 * 1024

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?P<name>{_LABEL}(?:\.{_LABEL})*)(?::(?P<port>[1-9][0-9]{{0,4}}))?")
_KID = re.compile(
    rf"did:web:(?P<name>{_LABEL}(?:\.{_LABEL})*)(?:%3A(?P<port>[1-9][0-9]{{0,4}}))?"
    r"#key-(?P<domain>[0-9a-f-]{36})-(?P<number>[1-9][0-9]{0,8})"
)


@frozen
class DeploymentHost:
    """The public host of a deployment, `name` or `name:port`. Raises InvalidDeploymentHost for anything else."""

    text: str = field()

    @text.validator
    def _spelled_as_a_host(self, _attribute: object, text: str) -> None:
        match = _HOST.fullmatch(text)
        if match is None or len(match["name"]) > 253 or int(match["port"] or 1) > 65535:
            raise InvalidDeploymentHost(text)

    @property
    def did(self) -> str:
        """The host as a DID of the method did:web, in which the colon before a port is percent-encoded."""
        return "did:web:" + self.text.replace(":", "%3A")

    def __str__(self) -> str:
        return self.text


@frozen
class Kid:
    """The name of one signing key; `str()` is its spelling on the wire."""

    host: DeploymentHost
    domain: DomainId
    number: int = field()

    @number.validator
    def _counted_from_one(self, _attribute: object, number: int) -> None:
        if not 1 <= number <= 999_999_999:
            raise InvalidKid(str(self))

    @classmethod
    def parse(cls, text: str) -> "Kid":
        """The kid spelled `text`; raises InvalidKid for any other spelling than the canonical one."""
        match = _KID.fullmatch(text)
        if match is None:
            raise InvalidKid(text)
        host = match["name"] if match["port"] is None else f"{match['name']}:{match['port']}"
        try:
            return cls(DeploymentHost(host), DomainId(parse_id(match["domain"])), int(match["number"]))
        except (InvalidDeploymentHost, ValueError) as malformed:
            raise InvalidKid(text) from malformed

    def __str__(self) -> str:
        return f"{self.host.did}#key-{self.domain}-{self.number}"


@frozen
class PublicKey:
    """The public half of one signing key: what verifies, and may be shown to anybody."""

    kid: Kid
    raw: bytes = field(repr=bytes.hex)

    @raw.validator
    def _of_its_size(self, _attribute: object, raw: bytes) -> None:
        if len(raw) != PUBLIC_KEY_BYTES:
            raise ValueError(f"an Ed25519 public key has {PUBLIC_KEY_BYTES} bytes, not {len(raw)}")


@frozen
class KeyRing:
    """Every key a Domain has had, oldest first; empty before its first one."""

    domain: DomainId
    keys: tuple[PublicKey, ...] = field(default=())

    @keys.validator
    def _of_one_domain_and_ascending(self, _attribute: object, keys: tuple[PublicKey, ...]) -> None:
        if any(key.kid.domain != self.domain for key in keys):
            raise ValueError("a key ring holds the keys of one Domain")
        if any(later.kid.number <= earlier.kid.number for earlier, later in pairwise(keys)):
            raise ValueError("a key ring is in ascending order of key numbers")

    @property
    def active(self) -> PublicKey:
        """The key that signs; raises NoSigningKey."""
        if not self.keys:
            raise NoSigningKey(self.domain)
        return self.keys[-1]

    def signing_key(self, asked_for: Kid | None) -> PublicKey:
        """The key for bytes that were built for `asked_for`, or for any key where that is None.

        Raises NoSigningKey and KidNotActive.
        """
        active = self.active
        if asked_for is not None and asked_for != active.kid:
            raise KidNotActive(str(asked_for))
        return active

    def first_kid(self, host: DeploymentHost) -> Kid:
        """The name of the key with which a Domain begins to sign at `host`."""
        return Kid(host, self.domain, 1)


@frozen
class SignBatch:
    """The wish to have `messages` signed as they are, with no pre-hash and no prefix (PureEdDSA).

    `kid` names the key that the messages were built for. Raises BatchTooLarge.
    """

    domain: DomainId
    messages: tuple[bytes, ...] = field(repr=lambda messages: f"<{len(messages)} messages>")
    kid: Kid | None = None

    @messages.validator
    def _within_the_ceilings(self, _attribute: object, messages: tuple[bytes, ...]) -> None:
        if len(messages) > MAX_MESSAGES:
            raise BatchTooLarge(f"at most {MAX_MESSAGES} messages")
        if any(len(message) > MAX_MESSAGE_BYTES for message in messages):
            raise BatchTooLarge(f"no message of more than {MAX_MESSAGE_BYTES} bytes")
        if sum(map(len, messages)) > MAX_BATCH_BYTES:
            raise BatchTooLarge(f"at most {MAX_BATCH_BYTES} bytes")


@frozen
class SignedBatch:
    """The signatures (64 bytes each) of a batch, in the order of its messages, all made with the key `kid`."""

    kid: Kid
    signatures: tuple[bytes, ...] = field(repr=lambda signatures: f"<{len(signatures)} signatures>")
