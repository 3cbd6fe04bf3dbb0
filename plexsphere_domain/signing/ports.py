"""What signing needs from outside, and what it offers there."""

from collections.abc import Sequence
from typing import Protocol

from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.signing.model import KeyRing, Kid, PublicKey, SignBatch, SignedBatch


class KeyProvider(Protocol):
    """The custody of private keys. They never leave it: it signs itself.

    Every method raises SigningUnavailable where the custody cannot be reached; `ring` and `sign` raise
    SigningKeyUnusable where it can, and a key of this one Domain cannot be opened.
    """

    async def ring(self, domain: DomainId) -> KeyRing:
        """The public keys of the Domain; an empty ring for one that has none."""

    async def create(self, kid: Kid) -> None:
        """Make the key `kid` and keep it durably.

        Where the Domain has a key of that number already, it stays and nothing happens: of concurrent creations,
        also by different processes, exactly one makes the key.
        """

    async def sign(self, kid: Kid, messages: Sequence[bytes]) -> Sequence[bytes]:
        """The Ed25519 signatures of `messages`; raises NoSigningKey where there is no key `kid`."""


class Signer(Protocol):
    """Signing as other processes see it: exactly these three things can be asked of it.

    Every method raises SigningUnavailable and SigningKeyUnusable; all of them may be repeated without harm.
    """

    async def sign(self, batch: SignBatch) -> SignedBatch:
        """The signatures of the batch under the Domain's active key; raises NoSigningKey and KidNotActive."""

    async def public_keys(self, domain: DomainId) -> KeyRing:
        """The Domain's public keys with their kids."""

    async def ensure_key(self, domain: DomainId) -> PublicKey:
        """The Domain's active key, which is made first where there is none."""
