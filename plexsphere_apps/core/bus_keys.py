"""The bus signs and verifies with the keys of the Signing Service."""

from collections.abc import Iterator, Sequence

from attrs import Factory, define

from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.mesh.bus.errors import SigningKeyRotated
from plexsphere_domain.signing.errors import KidNotActive, NoSigningKey, SigningKeyUnusable, SigningUnavailable
from plexsphere_domain.signing.model import MAX_BATCH_BYTES, MAX_MESSAGES, Kid, SignBatch
from plexsphere_domain.signing.ports import Signer


@define
class BusKeys:
    """Implements the bus's `SigningKeys` and `VerificationKeys` over a `Signer`.

    Which key of a Domain is active is remembered until the signer refuses it, so that a batch costs one call. A Domain
    whose key cannot be opened has no key to sign with, and none the less a key to verify with: that one is away.
    """

    signer: Signer
    _active: dict[DomainId, Kid] = Factory(dict)

    async def active_kid(self, domain: DomainId) -> str | None:
        if domain not in self._active:
            try:
                ring = await self.signer.public_keys(domain)
            except SigningKeyUnusable:
                return None
            if not ring.keys:
                return None
            self._active[domain] = ring.active.kid
        return str(self._active[domain])

    async def sign(self, domain: DomainId, kid: str, messages: Sequence[bytes]) -> Sequence[bytes]:
        signatures: list[bytes] = []
        try:
            for part in _parts(messages):
                signed = await self.signer.sign(SignBatch(domain, part, Kid.parse(kid)))
                signatures.extend(signed.signatures)
        except KidNotActive as refusal:
            self._active.pop(domain, None)
            raise SigningKeyRotated(domain) from refusal
        except (NoSigningKey, SigningKeyUnusable) as refusal:
            self._active.pop(domain, None)
            raise NoSigningKey(domain) from refusal
        return signatures

    async def public_key(self, domain: DomainId, kid: str) -> bytes | None:
        try:
            ring = await self.signer.public_keys(domain)
        except SigningKeyUnusable as refusal:
            raise SigningUnavailable from refusal
        return next((key.raw for key in ring.keys if str(key.kid) == kid), None)


def _parts(messages: Sequence[bytes]) -> Iterator[tuple[bytes, ...]]:
    """The messages in their order, in parts that the signer takes at once."""
    part: list[bytes] = []
    size = 0
    for message in messages:
        if len(part) == MAX_MESSAGES or size + len(message) > MAX_BATCH_BYTES:
            yield tuple(part)
            part, size = [], 0
        part.append(message)
        size += len(message)
    if part:
        yield tuple(part)
