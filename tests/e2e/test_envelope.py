"""The client's own reading of envelopes, held against the vectors that agents are tested with."""

import hashlib
import json
from base64 import b64decode

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.e2e.envelope import Refused, canonical, members

PUBLIC_KEY = b64decode("A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=")
SIGNATURE = b64decode("SzZ5l5/nSjcEvYBYk9naA300dukYWNbLHMa/aU9y9unmOUkCNICcVnOBVYKwetkR1Z1x8aeZafTwpTccjEevAA==")
SIGNED = (
    '{"id":"0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a0","type":"node_state_updated",'
    '"scope":"domain:0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0b1","key_id":"k-1","issued_at":"2026-05-27T10:00:00Z",'
    '"payload":{"node_id":"0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a3"}}'
)


def test_what_was_signed_is_encoded_alike_and_verifies() -> None:
    encoded = canonical(members(SIGNED))
    assert encoded == SIGNED.encode()
    assert hashlib.sha256(encoded).hexdigest() == "af56e93ad4cf0a71df099bf40eced0fec90ea5b0dc564091c32ee73b858507c6"
    Ed25519PublicKey.from_public_bytes(PUBLIC_KEY).verify(SIGNATURE, encoded)


def test_another_byte_does_not_verify() -> None:
    with pytest.raises(InvalidSignature):
        Ed25519PublicKey.from_public_bytes(PUBLIC_KEY).verify(SIGNATURE, SIGNED.replace("k-1", "k-2").encode())


def test_escapes_instants_and_blanks_are_normalised_and_the_payload_keeps_its_spelling() -> None:
    wire = (
        '{ "id": "e<1>", "type":"t", "scope":"a&b", "key_id":"k", "issued_at":"2026-05-27T10:00:00.120300+00:00",\n'
        ' "payload":{ "z" : 1.50e+3 , "a":"<x>&ü" } }'
    )
    encoded = canonical(members(wire)).decode()
    assert '"id":"e\\u003c1\\u003e"' in encoded
    assert '"scope":"a\\u0026b"' in encoded
    assert '"issued_at":"2026-05-27T10:00:00.1203Z"' in encoded
    assert encoded.endswith('"payload":{"z":1.50e+3,"a":"\\u003cx\\u003e\\u0026ü"}}')
    assert json.loads(encoded)["payload"] == {"z": 1500.0, "a": "<x>&ü"}


@pytest.mark.parametrize("text", ['{"id":"1","id":"2"}', '{"id":"1"} {}', '["id"]'])
def test_what_is_no_object_of_distinct_members_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        members(text)
