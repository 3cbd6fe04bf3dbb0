"""New Nodes pin the keys of the Signing Service."""

from attrs import frozen

from plexsphere_domain.identity.registration.model import DomainSigningKey
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.signing.errors import SigningKeyUnusable, SigningUnavailable
from plexsphere_domain.signing.ports import Signer


@frozen
class RegistrationKeys:
    """What a new Node pins: its Domain's active key, made where there is none.

    A key that cannot be opened is mended by whoever runs the signer. To the machine it is an outage: it may try again.
    """

    signer: Signer

    async def active(self, domain: DomainId) -> DomainSigningKey:
        try:
            key = await self.signer.ensure_key(domain)
        except SigningKeyUnusable as refusal:
            raise SigningUnavailable from refusal
        return DomainSigningKey(kid=str(key.kid), public_key=key.raw)
