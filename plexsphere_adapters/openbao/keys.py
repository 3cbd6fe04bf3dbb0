"""Key rings: the versioned keys of one purpose, in one secret.

    {"current": "<id>", "keys": {"<id>": "<base64 of 32 bytes>", …}}

`bootstrap` creates a ring once, by check-and-set, so that of several bootstraps one wins and all see its key. To rotate
a ring, an operator adds a key and points `current` at it; a process takes up the new one when it meets a value that was
sealed under it, or at its next start.
"""

import asyncio
import base64
import binascii
from secrets import token_hex

from attrs import field, frozen

from plexsphere_adapters.crypto.keywrap import KEY_BYTES, WrapKey, WrapKeyUnavailable
from plexsphere_adapters.openbao.client import OpenBao, SecretStoreUnavailable
from plexsphere_adapters.system import random_bytes
from plexsphere_domain.kernel.secrets import SecretBytes

WRAP_KEYS = "plexsphere/wrap-keys"
"""The keys that seal Node secret keys and audit peppers."""

CURSOR_KEYS = "plexsphere/cursor-keys"
"""The keys that sign paging cursors (HMAC-SHA-256)."""


class KeyRingDamaged(SecretStoreUnavailable):
    """The secret is not there, or it is no key ring."""

    @property
    def why(self) -> str:
        return "OpenBao holds no key ring: plexsphere-bootstrap has not run, or the ring is damaged"


@frozen
class _Ring:
    current: WrapKey
    keys: dict[str, WrapKey] = field(repr=False)


class KeyRing:
    """The keys of one purpose, read when first needed and held in memory. A `WrapKeys` source."""

    def __init__(self, openbao: OpenBao, path: str) -> None:
        self._openbao = openbao
        self._path = path
        self._ring: _Ring | None = None
        self._reading = asyncio.Lock()

    async def current(self) -> WrapKey:
        ring = self._ring or await self._read(unless=None)
        return ring.current

    async def by_id(self, key_id: str) -> WrapKey:
        """Reads the ring again for an id that it does not know; raises `WrapKeyUnavailable` where it stays unknown."""
        seen = self._ring
        if seen is None or key_id not in seen.keys:
            seen = await self._read(unless=seen)
        if key_id not in seen.keys:
            raise WrapKeyUnavailable
        return seen.keys[key_id]

    async def ensure(self) -> None:
        """Creates the ring with a first key unless there is one."""
        key_id = f"k-{token_hex(4)}"
        encoded = base64.b64encode(random_bytes(KEY_BYTES).reveal()).decode()
        await self._openbao.create(self._path, {"current": key_id, "keys": {key_id: encoded}})

    async def _read(self, *, unless: _Ring | None) -> _Ring:
        """The ring as it stands in the store. `unless` is the one that the caller found wanting: a newer one that
        another caller has read in the meantime will do."""
        async with self._reading:
            if self._ring is not None and self._ring is not unless:
                return self._ring
            self._ring = _parse(await self._openbao.read(self._path))
            return self._ring


def _parse(secret: dict[str, object] | None) -> _Ring:
    match secret:
        case {"current": str(current), "keys": dict(encoded)} if current in encoded:
            try:
                keys = {str(key_id): WrapKey(str(key_id), _decode(text)) for key_id, text in encoded.items()}
            except (ValueError, binascii.Error) as damaged:
                raise KeyRingDamaged from damaged
            return _Ring(keys[current], keys)
    raise KeyRingDamaged


def _decode(text: object) -> SecretBytes:
    return SecretBytes(base64.b64decode(str(text), validate=True))
