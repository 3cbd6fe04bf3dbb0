"""Signing keys that live and die with the process."""

import secrets
from collections.abc import Sequence

from attrs import define, field

from plexsphere_adapters.memory import ed25519
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.kernel.secrets import SecretBytes
from plexsphere_domain.signing.errors import NoSigningKey
from plexsphere_domain.signing.model import KeyRing, Kid, PublicKey


@define
class MemoryKeyProvider:
    """A `KeyProvider` that keeps its keys in a dictionary. Signing takes milliseconds, see `ed25519`."""

    _seeds: dict[Kid, SecretBytes] = field(factory=dict, init=False, repr=False)
    _rings: dict[DomainId, KeyRing] = field(factory=dict, init=False, repr=False)

    async def ring(self, domain: DomainId) -> KeyRing:
        return self._rings.get(domain, KeyRing(domain))

    async def create(self, kid: Kid) -> None:
        ring = await self.ring(kid.domain)
        if any(key.kid.number == kid.number for key in ring.keys):
            return
        seed = secrets.token_bytes(32)
        self._rings[kid.domain] = KeyRing(kid.domain, (*ring.keys, PublicKey(kid, ed25519.public_key(seed))))
        self._seeds[kid] = SecretBytes(seed)

    async def sign(self, kid: Kid, messages: Sequence[bytes]) -> Sequence[bytes]:
        seed = self._seeds.get(kid)
        if seed is None:
            raise NoSigningKey(kid.domain)
        return [ed25519.sign(seed.reveal(), message) for message in messages]
