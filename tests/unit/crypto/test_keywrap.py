"""Sealed values open under the same key and context, and under nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_adapters.crypto.keywrap import AesGcmKeyWrap, FixedWrapKeys, SealBroken, WrapKey, WrapKeyUnavailable
from plexsphere_domain.kernel.sealing import Sealed
from plexsphere_domain.kernel.secrets import SecretBytes

OLD = WrapKey("wk-old", SecretBytes(bytes(range(32))))
NEW = WrapKey("wk-new", SecretBytes(bytes(range(32, 64))))
NSK = SecretBytes(b"n" * 32)


async def test_what_was_sealed_opens():
    wrap = AesGcmKeyWrap(FixedWrapKeys((NEW,)))
    sealed = await wrap.seal(NSK, context=b"nsk:1")

    assert sealed.wrap_key_id == "wk-new"
    assert len(sealed.ciphertext) == 12 + 32 + 16
    assert await wrap.open(sealed, context=b"nsk:1") == NSK


async def test_no_two_seals_are_alike():
    wrap = AesGcmKeyWrap(FixedWrapKeys((NEW,)))

    assert await wrap.seal(NSK, context=b"") != await wrap.seal(NSK, context=b"")


async def test_a_rotation_leaves_older_seals_readable():
    sealed = await AesGcmKeyWrap(FixedWrapKeys((OLD,))).seal(NSK, context=b"")

    assert await AesGcmKeyWrap(FixedWrapKeys((OLD, NEW))).open(sealed, context=b"") == NSK


async def test_a_key_that_is_not_there_is_an_outage_and_no_fault():
    sealed = await AesGcmKeyWrap(FixedWrapKeys((OLD,))).seal(NSK, context=b"")

    with pytest.raises(WrapKeyUnavailable):
        await AesGcmKeyWrap(FixedWrapKeys((NEW,))).open(sealed, context=b"")


async def test_a_seal_does_not_open_in_another_context():
    wrap = AesGcmKeyWrap(FixedWrapKeys((NEW,)))
    sealed = await wrap.seal(NSK, context=b"nsk:1")

    with pytest.raises(SealBroken):
        await wrap.open(sealed, context=b"nsk:2")


@given(position=st.integers(0, 12 + 32 + 16 - 1), bit=st.integers(0, 7))
async def test_every_changed_bit_is_noticed(position, bit):
    wrap = AesGcmKeyWrap(FixedWrapKeys((NEW,)))
    sealed = await wrap.seal(NSK, context=b"")
    changed = bytearray(sealed.ciphertext)
    changed[position] ^= 1 << bit

    with pytest.raises(SealBroken):
        await wrap.open(Sealed(sealed.wrap_key_id, bytes(changed)), context=b"")


@pytest.mark.parametrize("length", [0, 11, 12, 27])
async def test_a_truncated_seal_is_broken(length):
    with pytest.raises(SealBroken):
        await AesGcmKeyWrap(FixedWrapKeys((NEW,))).open(Sealed("wk-new", b"\0" * length), context=b"")


def test_a_wrap_key_is_32_bytes():
    with pytest.raises(ValueError, match="32 bytes"):
        WrapKey("wk", SecretBytes(b"short"))


async def test_no_representation_shows_key_or_ciphertext():
    sealed = await AesGcmKeyWrap(FixedWrapKeys((NEW,))).seal(NSK, context=b"")

    assert str(NEW.key.reveal()) not in repr(NEW)
    assert "ciphertext" not in repr(sealed)
