"""The three use cases of signing."""

from attrs import frozen

from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.signing.model import DeploymentHost, KeyRing, PublicKey, SignBatch, SignedBatch
from plexsphere_domain.signing.ports import KeyProvider


@frozen
class SigningService:
    """Implements `Signer` over a custody of keys. `host` names the deployment in the kids of new keys."""

    keys: KeyProvider
    host: DeploymentHost

    async def sign(self, batch: SignBatch) -> SignedBatch:
        ring = await self.keys.ring(batch.domain)
        key = ring.signing_key(batch.kid)
        return SignedBatch(key.kid, tuple(await self.keys.sign(key.kid, batch.messages)))

    async def public_keys(self, domain: DomainId) -> KeyRing:
        return await self.keys.ring(domain)

    async def ensure_key(self, domain: DomainId) -> PublicKey:
        ring = await self.keys.ring(domain)
        if not ring.keys:
            await self.keys.create(ring.first_kid(self.host))
            ring = await self.keys.ring(domain)
        return ring.active
