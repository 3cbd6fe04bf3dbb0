"""How credentials that are random text rest in the store: as slow hashes."""

from typing import NewType, Protocol

from plexsphere_domain.kernel.secrets import SecretStr

CredentialHash = NewType("CredentialHash", str)
"""An Argon2id hash in PHC string form (`$argon2id$v=19$m=…,t=…,p=…$salt$hash`); carries its own parameters."""


class CredentialHasher(Protocol):
    """Argon2id. Both raise `Unavailable` when too many callers wait for it."""

    async def hash(self, plaintext: SecretStr) -> CredentialHash: ...

    async def verify(self, plaintext: SecretStr, against: CredentialHash) -> bool:
        """Whether `against` is the hash of `plaintext`, in constant time."""
        ...
