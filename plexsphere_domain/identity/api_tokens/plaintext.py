"""The text of an API token: `psk_<env>_<id>_<random>`.

 - `env` is a run of lower-case ASCII letters, for the eyes of whoever finds the token,
 - `id` is the token's UUID: its 16 bytes in lower-case base32 without padding (26 characters),
 - `random` is the secret: at least 26 characters of lower-case base32, that is 130 bits.

The id makes the row of a presented token a look-up by primary key; it is no secret.
"""

import base64
import re
from hashlib import sha256
from uuid import UUID

from attrs import frozen

from plexsphere_domain.kernel.ids import ApiTokenId
from plexsphere_domain.kernel.secrets import SecretBytes, SecretStr

PREFIX = "psk_"
RANDOM_BYTES = 20
MAX_LENGTH = 512

_GRAMMAR = re.compile(r"psk_([a-z]+)_([a-z2-7]{26})_([a-z2-7]{26,})", re.ASCII)


@frozen
class ApiTokenPlaintext:
    """A token as its holder presents it, taken apart as far as it is not secret."""

    env: str
    id: ApiTokenId
    text: SecretStr

    @classmethod
    def parse(cls, text: str) -> "ApiTokenPlaintext | None":
        """The parts of `text`; None where it is no API token."""
        match = _GRAMMAR.fullmatch(text) if len(text) <= MAX_LENGTH else None
        if match is None:
            return None
        raw = base64.b32decode(match[2].upper() + "======")
        if not any(raw) or _base32(raw) != match[2]:
            return None
        return cls(match[1], ApiTokenId(UUID(bytes=raw)), SecretStr(text))

    @classmethod
    def compose(cls, *, env: str, id: ApiTokenId, random: SecretBytes) -> "ApiTokenPlaintext":
        """The text of a new token. `random` holds at least 17 bytes, so that 26 characters are full of it."""
        if len(random.reveal()) < 17:
            raise ValueError("too little randomness for a token")
        text = f"{PREFIX}{env}_{_base32(id.bytes)}_{_base32(random.reveal())}"
        return cls(env, id, SecretStr(text))

    def digest(self) -> bytes:
        """SHA-256 of the text: names the plaintext in memory without holding it."""
        return sha256(self.text.reveal().encode()).digest()


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()
