"""The Node Secret Key (NSK): what a Node proves itself with, and the key that its secrets are sealed with.

An NSK is 32 random bytes, issued once at registration. As a bearer credential it travels in an envelope

    nsk_<env>_<payload>      payload = unpadded base64url (RFC 4648, section 5) of node id (16 bytes) || NSK (32 bytes)

The payload's alphabet holds the underscore, so only the first two underscores separate. The node id inside is a hint
for the look-up and proves nothing: the key bytes do, compared in constant time by their SHA-256.
"""

import re
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from hmac import compare_digest
from uuid import UUID

from attrs import field, frozen

from plexsphere_domain.kernel.ids import NodeId
from plexsphere_domain.kernel.secrets import SecretBytes, SecretStr

LENGTH = 32
_ENVELOPE = re.compile(r"nsk_[^_\s]{1,64}_([A-Za-z0-9_-]{64})", re.ASCII)


@frozen
class NodeSecretKey:
    """The plaintext key. It lives in the process only while it is issued, replayed or used."""

    secret: SecretBytes = field()

    @secret.validator
    def _length(self, _attribute: object, secret: SecretBytes) -> None:
        if len(secret.reveal()) != LENGTH:
            raise ValueError("an NSK is 32 bytes long")

    @property
    def digest(self) -> "NskDigest":
        return NskDigest(sha256(self.secret.reveal()).digest())

    @property
    def encoded(self) -> SecretStr:
        """Padded standard base64, 44 characters: the form in which registration hands it out."""
        return SecretStr(b64encode(self.secret.reveal()).decode())


@frozen
class NskDigest:
    """The SHA-256 of an NSK: enough to recognise it, useless to act with."""

    raw: bytes = field(repr=False)

    def recognises(self, key: NodeSecretKey) -> bool:
        """Whether this is the digest of `key`, in constant time."""
        return compare_digest(self.raw, key.digest.raw)


@frozen
class NskEnvelope:
    """A bearer credential as presented: whose key it claims to be, and the key."""

    node_id: NodeId
    key: NodeSecretKey

    @classmethod
    def parse(cls, bearer: SecretStr) -> "NskEnvelope":
        """The envelope spelled by `bearer`. Raises ValueError for anything else, a bare base64 NSK included."""
        match = _ENVELOPE.fullmatch(bearer.reveal())
        if match is None:
            raise ValueError("not an NSK envelope")
        payload = urlsafe_b64decode(match[1])
        node = UUID(bytes=payload[:16])
        if node.int == 0:
            raise ValueError("the nil UUID names no Node")
        return cls(NodeId(node), NodeSecretKey(SecretBytes(payload[16:])))

    def bearer(self, environment: str = "plexd") -> SecretStr:
        """The text form, as an agent writes it."""
        payload = self.node_id.bytes + self.key.secret.reveal()
        return SecretStr(f"nsk_{environment}_{urlsafe_b64encode(payload).decode()}")
