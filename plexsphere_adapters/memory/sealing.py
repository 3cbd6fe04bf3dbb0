"""Secrets that are kept instead of sealed: what lives in memory only needs no cipher."""

import secrets
from typing import Final

from attrs import define, field

from plexsphere_domain.kernel.errors import DomainError
from plexsphere_domain.kernel.sealing import Sealed
from plexsphere_domain.kernel.secrets import SecretBytes

WRAP_KEY_ID: Final = "memory"


class NotDeposited(DomainError):
    """No such secret was deposited under this context."""


@define
class MemoryKeyWrap:
    """A `KeyWrap` that works like a cloakroom: the plaintext stays here, and the ciphertext is the ticket for it."""

    _deposits: dict[tuple[bytes, bytes], SecretBytes] = field(factory=dict, init=False, repr=False)

    async def seal(self, plaintext: SecretBytes, *, context: bytes) -> Sealed:
        ticket = secrets.token_bytes(16)
        self._deposits[(ticket, context)] = plaintext
        return Sealed(WRAP_KEY_ID, ticket)

    async def open(self, sealed: Sealed, *, context: bytes) -> SecretBytes:
        """Raises NotDeposited where ticket and context do not belong together."""
        deposit = self._deposits.get((sealed.ciphertext, context))
        if deposit is None:
            raise NotDeposited
        return deposit
