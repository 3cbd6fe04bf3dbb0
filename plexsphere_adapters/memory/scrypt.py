"""Slow hashes out of the standard library."""

import asyncio
import os
from base64 import b64decode, b64encode
from hashlib import scrypt
from hmac import compare_digest
from typing import Final

from attrs import frozen

from plexsphere_domain.identity.credentials import CredentialHash
from plexsphere_domain.kernel.secrets import SecretStr

SALT_BYTES: Final = 16
_FORM: Final = "$scrypt$ln=14,r=8,p=1$"


@frozen
class ScryptHasher:
    """A `CredentialHasher` where there is no Argon2id: scrypt (RFC 7914) with 16 MiB, in a thread.

    Its hashes read `$scrypt$ln=14,r=8,p=1$<salt>$<hash>`.
    """

    async def hash(self, plaintext: SecretStr) -> CredentialHash:
        salt = os.urandom(SALT_BYTES)
        derived = await asyncio.to_thread(_derived, plaintext, salt)
        return CredentialHash(f"{_FORM}{b64encode(salt).decode()}${b64encode(derived).decode()}")

    async def verify(self, plaintext: SecretStr, against: CredentialHash) -> bool:
        """Whether `against` is the hash of `plaintext`, in constant time; False also for what another hasher made."""
        if not against.startswith(_FORM):
            return False
        salt, _, derived = against.removeprefix(_FORM).partition("$")
        return compare_digest(await asyncio.to_thread(_derived, plaintext, b64decode(salt)), b64decode(derived))


def _derived(plaintext: SecretStr, salt: bytes) -> bytes:
    return scrypt(plaintext.reveal().encode(), salt=salt, n=1 << 14, r=8, p=1)
