"""Which token a plaintext is."""

from collections.abc import Iterable

from plexsphere_domain.identity.bootstrap_tokens.errors import TokenUnknown
from plexsphere_domain.identity.bootstrap_tokens.model import BootstrapToken
from plexsphere_domain.identity.bootstrap_tokens.plaintext import TokenPlaintext
from plexsphere_domain.identity.credentials import CredentialHasher


async def recognise(
    plaintext: TokenPlaintext, candidates: Iterable[BootstrapToken], hasher: CredentialHasher
) -> BootstrapToken:
    """The one of the candidates whose plaintext was presented; raises TokenUnknown where none is.

    It says nothing about the token's fate. Call it outside a transaction: it takes an Argon2id run for each candidate.
    """
    for candidate in candidates:
        if await hasher.verify(plaintext.text, candidate.hash):
            return candidate
    raise TokenUnknown
