"""Sealing with AES-256-GCM (NIST SP 800-38D).

A sealed value is `nonce(12) || ciphertext || tag(16)`. The nonce is random: one wrap key may seal 2^32 values before
the chance of a repeated nonce passes 2^-32 (SP 800-38D, section 8.3), far beyond the Nodes of a deployment.
"""

import os
from typing import Protocol

from attrs import field, frozen
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from plexsphere_domain.kernel.errors import DomainError, Unavailable
from plexsphere_domain.kernel.sealing import Sealed
from plexsphere_domain.kernel.secrets import SecretBytes

NONCE_BYTES = 12
TAG_BYTES = 16
KEY_BYTES = 32


class SealBroken(DomainError):
    """The ciphertext was changed, or it belongs to another context. Never the caller's fault: answered as internal."""


class WrapKeyUnavailable(Unavailable):
    """The secret store holds no wrap key of this id, or cannot be asked for it."""

    code = "wrap_key_unavailable"

    @property
    def detail(self) -> str:
        return "a key that this needs is out of reach; try again shortly"


@frozen
class WrapKey:
    """A 256-bit key under the id that sealed values record."""

    id: str
    key: SecretBytes = field()

    @key.validator
    def _length(self, _attribute: object, value: SecretBytes) -> None:
        if len(value.reveal()) != KEY_BYTES:
            raise ValueError(f"wrap key {self.id} is not {KEY_BYTES} bytes")


class WrapKeys(Protocol):
    """Where wrap keys come from. Both raise `Unavailable` for a key that cannot be had."""

    async def current(self) -> WrapKey: ...

    async def by_id(self, key_id: str) -> WrapKey: ...


@frozen
class AesGcmKeyWrap:
    """Seals under the current wrap key and opens under whichever key sealed."""

    keys: WrapKeys

    async def seal(self, plaintext: SecretBytes, *, context: bytes) -> Sealed:
        wrap_key = await self.keys.current()
        nonce = os.urandom(NONCE_BYTES)
        body = AESGCM(wrap_key.key.reveal()).encrypt(nonce, plaintext.reveal(), context)
        return Sealed(wrap_key.id, nonce + body)

    async def open(self, sealed: Sealed, *, context: bytes) -> SecretBytes:
        """Raises `SealBroken` where tag, key and context do not agree."""
        wrap_key = await self.keys.by_id(sealed.wrap_key_id)
        nonce, body = sealed.ciphertext[:NONCE_BYTES], sealed.ciphertext[NONCE_BYTES:]
        if len(body) < TAG_BYTES:
            raise SealBroken
        try:
            return SecretBytes(AESGCM(wrap_key.key.reveal()).decrypt(nonce, body, context))
        except InvalidTag as broken:
            raise SealBroken from broken


@frozen
class FixedWrapKeys:
    """Wrap keys that are known beforehand: for tests, and for a process that was handed its key."""

    keys: tuple[WrapKey, ...]

    async def current(self) -> WrapKey:
        return self.keys[-1]

    async def by_id(self, key_id: str) -> WrapKey:
        for key in self.keys:
            if key.id == key_id:
                return key
        raise WrapKeyUnavailable
