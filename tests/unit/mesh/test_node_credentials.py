"""The Node Secret Key, its bearer envelope, and the public key of a Node."""

import pickle
from base64 import b64encode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_domain.kernel.ids import NodeId
from plexsphere_domain.kernel.secrets import SecretBytes, SecretStr
from plexsphere_domain.mesh.nodes.public_key import PublicKeyInvalid, X25519PublicKey
from plexsphere_domain.mesh.nodes.secret_key import NodeSecretKey, NskEnvelope

NODE = NodeId(UUID("0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a3"))
NSK = NodeSecretKey(SecretBytes(bytes(range(32))))
BEARER = "nsk_plexd_AZCouKDAegqKCqCgoKCgowABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
keys = st.binary(min_size=32, max_size=32)


def test_the_published_vector() -> None:
    assert NskEnvelope(NODE, NSK).bearer().reveal() == BEARER
    assert NskEnvelope.parse(SecretStr(BEARER)) == NskEnvelope(NODE, NSK)
    assert NSK.encoded.reveal() == "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@given(st.uuids().filter(lambda one: one.int != 0), keys, st.from_regex(r"\A[a-z0-9-]{1,20}\Z"))
def test_every_envelope_survives_the_round_trip(node: UUID, key: bytes, environment: str) -> None:
    envelope = NskEnvelope(NodeId(node), NodeSecretKey(SecretBytes(key)))
    assert NskEnvelope.parse(envelope.bearer(environment)) == envelope


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nsk_",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        BEARER[:-1],
        BEARER + "A",
        BEARER + "=",
        BEARER + "\n",
        BEARER.replace("nsk_", "psk_"),
        BEARER.replace("_plexd_", "__"),
        BEARER.replace("nsk_plexd_", "nsk_"),
        BEARER.replace("AZCou", "AZC+u"),
        "nsk_plexd_" + "A" * 64,
    ],
)
def test_what_is_not_an_envelope_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        NskEnvelope.parse(SecretStr(text))


@given(st.text(max_size=120))
def test_parsing_is_total(text: str) -> None:
    try:
        NskEnvelope.parse(SecretStr(text))
    except ValueError:
        return


def test_a_digest_recognises_its_key_and_no_other() -> None:
    other = NodeSecretKey(SecretBytes(bytes(32)))
    assert NSK.digest.recognises(NSK)
    assert not NSK.digest.recognises(other)


def test_a_key_does_not_show_itself() -> None:
    shown = f"{NSK!r} {NSK} {NSK.encoded} {NSK.digest!r} {NskEnvelope(NODE, NSK)!r}"
    assert "AAEC" not in shown
    assert "\\x00\\x01" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(NSK)


def test_a_key_has_32_bytes() -> None:
    with pytest.raises(ValueError):
        NodeSecretKey(SecretBytes(bytes(31)))


@given(keys.filter(any))
def test_a_public_key_survives_the_round_trip(raw: bytes) -> None:
    assert str(X25519PublicKey.parse(b64encode(raw).decode())) == b64encode(raw).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A" * 43 + "=",
        b64encode(bytes(range(31))).decode(),
        b64encode(bytes(range(33))).decode(),
        b64encode(bytes(range(1, 33))).decode().rstrip("="),
        b64encode(bytes(range(1, 33))).decode() + "\n",
        "-" * 43 + "=",
        "é" * 43 + "=",
    ],
)
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(PublicKeyInvalid):
        X25519PublicKey.parse(text)
