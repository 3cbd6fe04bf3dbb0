"""The signing context, as the contexts that need signatures and keys see it."""

from collections.abc import Sequence

from attrs import frozen

from plexsphere_domain.identity.registration.model import DomainSigningKey
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.mesh.bus.errors import SigningKeyRotated
from plexsphere_domain.signing.errors import KidNotActive, NoSigningKey
from plexsphere_domain.signing.model import Kid, SignBatch
from plexsphere_domain.signing.ports import Signer


@frozen
class RegistrationKeys:
    """What a new Node pins: its Domain's active key, made where there is none."""

    signer: Signer

    async def active(self, domain: DomainId) -> DomainSigningKey:
        key = await self.signer.ensure_key(domain)
        return DomainSigningKey(kid=str(key.kid), public_key=key.raw)


@frozen
class BusKeys:
    """What the relay signs with, and what the streams are verified with."""

    signer: Signer

    async def active_kid(self, domain: DomainId) -> str | None:
        ring = await self.signer.public_keys(domain)
        return str(ring.active.kid) if ring.keys else None

    async def sign(self, domain: DomainId, kid: str, messages: Sequence[bytes]) -> Sequence[bytes]:
        try:
            batch = SignBatch(domain=domain, messages=tuple(messages), kid=Kid.parse(kid))
            return (await self.signer.sign(batch)).signatures
        except (KidNotActive, NoSigningKey) as rotated:
            raise SigningKeyRotated(domain) from rotated

    async def public_key(self, domain: DomainId, kid: str) -> bytes | None:
        ring = await self.signer.public_keys(domain)
        return next((key.raw for key in ring.keys if str(key.kid) == kid), None)
