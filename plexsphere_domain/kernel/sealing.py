"""Keys and peppers at rest: sealed under a wrap key, opened only where they are needed as a key."""

from typing import Protocol

from attrs import field, frozen

from plexsphere_domain.kernel.secrets import SecretBytes


@frozen
class Sealed:
    """Ciphertext, and the id of the wrap key that opens it. Not secret, but of no use in a log."""

    wrap_key_id: str
    ciphertext: bytes = field(repr=False)


class KeyWrap(Protocol):
    """Authenticated encryption under a versioned wrap key that lives in the secret store.

    `context` says what the plaintext is and whose (`b"nsk:" + node id`): it is authenticated with the ciphertext, so
    that a sealed key that is moved to another row does not open there. Both raise `Unavailable` while the wrap key
    cannot be had; `open` raises a `DomainError` of no kind (an internal fault) where ciphertext and context do not
    belong together.
    """

    async def seal(self, plaintext: SecretBytes, *, context: bytes) -> Sealed: ...

    async def open(self, sealed: Sealed, *, context: bytes) -> SecretBytes: ...
