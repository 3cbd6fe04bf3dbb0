"""The memory's own ways with secrets."""

import pytest

from plexsphere_adapters.memory.scrypt import ScryptHasher
from plexsphere_adapters.memory.sealing import MemoryKeyWrap, NotDeposited
from plexsphere_domain.identity.credentials import CredentialHash
from plexsphere_domain.kernel.sealing import Sealed
from plexsphere_domain.kernel.secrets import SecretBytes, SecretStr


async def test_a_hash_recognises_its_plaintext_and_no_other():
    hasher = ScryptHasher()
    stored = await hasher.hash(SecretStr("correct horse"))
    assert await hasher.verify(SecretStr("correct horse"), stored)
    assert not await hasher.verify(SecretStr("wrong horse"), stored)


async def test_two_hashes_of_one_plaintext_differ():
    hasher = ScryptHasher()
    assert await hasher.hash(SecretStr("correct horse")) != await hasher.hash(SecretStr("correct horse"))


async def test_what_another_hasher_made_is_recognised_as_nothing():
    assert not await ScryptHasher().verify(SecretStr("correct horse"), CredentialHash("$argon2id$v=19$x"))


async def test_a_sealed_secret_opens_in_its_context_only():
    wrap = MemoryKeyWrap()
    sealed = await wrap.seal(SecretBytes(b"secret"), context=b"nsk:1")
    assert (await wrap.open(sealed, context=b"nsk:1")).reveal() == b"secret"
    with pytest.raises(NotDeposited):
        await wrap.open(sealed, context=b"nsk:2")
    with pytest.raises(NotDeposited):
        await wrap.open(Sealed(sealed.wrap_key_id, b"forged"), context=b"nsk:1")


async def test_a_sealed_secret_shows_nothing():
    wrap = MemoryKeyWrap()
    sealed = await wrap.seal(SecretBytes(b"secret"), context=b"nsk:1")
    assert "secret" not in f"{wrap}{sealed.ciphertext!r}"
