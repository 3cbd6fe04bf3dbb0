"""The WireGuard identity of a Node: a Curve25519 public key (RFC 7748)."""

import re
from base64 import b64decode, b64encode

from attrs import define, field, frozen

from plexsphere_domain.kernel.errors import Invalid

_TEXT = re.compile(r"[A-Za-z0-9+/]{43}=", re.ASCII)
LENGTH = 32


@define(eq=False)
class PublicKeyInvalid(Invalid):
    """The text is not the base64 of a usable Curve25519 public key."""

    code = "public_key_invalid"

    @property
    def detail(self) -> str:
        return "public_key must be 32 bytes, not all zero, in padded standard base64 (44 characters)"


@frozen
class X25519PublicKey:
    """32 bytes, not all zero: that point yields an all-zero shared secret (RFC 7748, section 6.1)."""

    raw: bytes = field()

    @raw.validator
    def _usable(self, _attribute: object, raw: bytes) -> None:
        if len(raw) != LENGTH or not any(raw):
            raise PublicKeyInvalid

    @classmethod
    def parse(cls, text: str) -> "X25519PublicKey":
        """The key spelled by `text`. Raises PublicKeyInvalid where it spells none."""
        if not _TEXT.fullmatch(text):
            raise PublicKeyInvalid
        return cls(b64decode(text))

    def __str__(self) -> str:
        return b64encode(self.raw).decode()
