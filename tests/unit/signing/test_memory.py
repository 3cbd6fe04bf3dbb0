import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from plexsphere_adapters.memory import ed25519
from plexsphere_adapters.memory.signing import MemoryKeyProvider
from tests.ports.key_provider import KeyProviderContract


class TestMemoryKeyProvider(KeyProviderContract):
    @pytest.fixture
    def provider(self) -> MemoryKeyProvider:
        return MemoryKeyProvider()


def test_rfc_8032_section_7_1_test_3() -> None:
    seed = bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
    public = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
    signature = bytes.fromhex(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    )
    assert ed25519.public_key(seed) == public
    assert ed25519.sign(seed, b"\xaf\x82") == signature
    assert ed25519.verify(public, b"\xaf\x82", signature)


@settings(max_examples=15, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.integers(0, 511))
def test_plain_python_agrees_with_openssl(seed: bytes, message: bytes, flipped: int) -> None:
    reference = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = ed25519.public_key(seed), ed25519.sign(seed, message)
    assert public == reference.public_key().public_bytes_raw()
    assert signature == reference.sign(message)
    assert ed25519.verify(public, message, signature)
    forged = bytearray(signature)
    forged[flipped // 8] ^= 1 << flipped % 8
    assert not ed25519.verify(public, message, bytes(forged))
    with pytest.raises(InvalidSignature):
        Ed25519PublicKey.from_public_bytes(public).verify(bytes(forged), message)


def test_malformed_keys_and_signatures_do_not_verify() -> None:
    seed = bytes(32)
    public, signature = ed25519.public_key(seed), ed25519.sign(seed, b"m")
    assert not ed25519.verify(public, b"m", signature[:-1])
    assert not ed25519.verify(public[:-1], b"m", signature)
    assert not ed25519.verify(b"\xff" * 32, b"m", signature)
    with pytest.raises(ValueError, match="32 bytes"):
        ed25519.public_key(b"short")
