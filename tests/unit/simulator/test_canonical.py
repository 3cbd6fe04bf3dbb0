"""The canonical bytes, against the vectors of plexd's description and against a plain encoder."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_apps.simulator.canonical import NoEnvelope, parse
from plexsphere_apps.simulator.verification import HeldKey, KeyStore, Refusal

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
HELD = HeldKey("k-1", KEY.public_key().public_bytes_raw())
ISSUED = datetime(2026, 5, 27, 10, tzinfo=UTC)

SIGNED = (
    b'{"id":"0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a0","type":"node_state_updated",'
    b'"scope":"domain:0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0b1","key_id":"k-1","issued_at":"2026-05-27T10:00:00Z",'
    b'"payload":{"node_id":"0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a3"}}'
)
SIGNATURE = b"SzZ5l5/nSjcEvYBYk9naA300dukYWNbLHMa/aU9y9unmOUkCNICcVnOBVYKwetkR1Z1x8aeZafTwpTccjEevAA=="
WIRE = SIGNED[:-1] + b',"signature":"' + SIGNATURE + b'"}'


def test_the_first_vector():
    envelope = parse(WIRE)

    assert hashlib.sha256(envelope.canonical).hexdigest() == (
        "af56e93ad4cf0a71df099bf40eced0fec90ea5b0dc564091c32ee73b858507c6"
    )
    assert envelope.exact
    assert KeyStore(HELD).refuses(envelope, ISSUED) is None


def test_the_second_vector():
    envelope = parse(
        b'{"id":"e<1>","type":"t","scope":"a&b","key_id":"k","issued_at":"2026-05-27T10:00:00.120300+00:00",'
        b'"payload":{ "z" : 1.50e+3 , "a":"<x>&\xc3\xbc" }}'
    )

    for part in (
        '"id":"e\\u003c1\\u003e"',
        '"scope":"a\\u0026b"',
        '"issued_at":"2026-05-27T10:00:00.1203Z"',
        '"payload":{"z":1.50e+3,"a":"\\u003cx\\u003e\\u0026ü"}',
    ):
        assert part.encode() in envelope.canonical
    assert not envelope.exact


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ('"\\b\\f\\n\\r\\t\\u0001\\u007f"', '"\\b\\f\\n\\r\\t\\u0001\x7f"'),
        ('"\\"\\\\\\/"', '"\\"\\\\/"'),
        ('"\\u2028\\u2029"', '"\\u2028\\u2029"'),
        ('"\u2028"', '"\\u2028"'),
        ('"\\ud83d\\ude00"', '"😀"'),
        ('"\\ud83d"', '"\ufffd"'),
    ],
)
def test_strings_are_spelled_as_go_does(text, spelled):
    envelope = parse(f'{{"id":"1","type":"t","scope":{text}}}'.encode())

    assert f'"scope":{spelled}'.encode() in envelope.canonical


def test_absent_members_are_empty_and_an_absent_payload_is_null():
    assert parse(b'{"type":"t","id":"1"}').canonical == (
        b'{"id":"1","type":"t","scope":"","key_id":"","issued_at":"","payload":null}'
    )


PAYLOADS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(payload=PAYLOADS, indent=st.sampled_from([None, 1, 4]))
def test_a_payload_loses_its_spaces_and_nothing_else(payload, indent):
    body = json.dumps({"id": "1", "type": "t", "payload": payload}, indent=indent)
    spelled = json.dumps(payload, separators=(",", ":"))
    for character in "<>&":
        spelled = spelled.replace(character, f"\\u{ord(character):04x}")

    assert parse(body.encode()).canonical.endswith(f'"payload":{spelled}}}'.encode())


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"{", b'{"id":1,"type":"t"}', b'{"id":"","type":"t"}', b'{"id":"1","type":"t",}', b'{"id":"1"} x',
        b'{"id":"1","type":"t","payload":NaN}', b'{"id":"1","type":"t","issued_at":"2026-05-27t10:00:00z"}',
        b'{"id":"1","type":"t","issued_at":"2026-13-27T10:00:00Z"}', b"{1:2}",
    ],
)  # fmt: skip
def test_what_is_no_envelope(data):
    with pytest.raises(NoEnvelope):
        parse(data)


@pytest.mark.parametrize(
    ("changes", "now", "refusal"),
    [
        ({"signature": ""}, ISSUED, Refusal.UNSIGNED),
        ({"issued_at": ""}, ISSUED, Refusal.UNDATED),
        ({"issued_at": "0001-01-01T00:00:00Z"}, ISSUED, Refusal.UNDATED),
        ({}, ISSUED + timedelta(minutes=5, seconds=1), Refusal.STALE),
        ({}, ISSUED + timedelta(minutes=5), None),
        ({}, ISSUED - timedelta(minutes=5, seconds=1), Refusal.AHEAD),
        ({}, ISSUED - timedelta(minutes=5), None),
        ({"key_id": ""}, ISSUED, Refusal.UNKNOWN_KEY),
        ({"key_id": "k-2"}, ISSUED, Refusal.UNKNOWN_KEY),
        ({"scope": "domain:other"}, ISSUED, Refusal.FORGED),
        ({"payload": None}, ISSUED, Refusal.FORGED),
        ({"signature": "AAAA"}, ISSUED, Refusal.FORGED),
        ({"signature": "*"}, ISSUED, Refusal.FORGED),
    ],
)
def test_why_an_envelope_is_not_believed(changes, now, refusal):
    assert KeyStore(HELD).refuses(parse(json.dumps(json.loads(WIRE) | changes).encode()), now) is refusal


def test_a_rotation_keeps_the_old_key_for_its_grace():
    following = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    keys = KeyStore(HELD)
    announced = {
        "key_id": "k-2",
        "public_key": base64.b64encode(following).decode(),
        "previous_key_id": "k-1",
        "transition_expires": "2026-05-27T11:00:00Z",
    }

    assert keys.rotate(announced)
    assert keys.find("k-2", ISSUED).public_key == following
    assert keys.find("k-1", ISSUED) is not None
    assert keys.find("k-1", ISSUED + timedelta(hours=1)) is None


@pytest.mark.parametrize("changes", [{"previous_key_id": "k-0"}, {"transition_expires": "0001-01-01T00:00:00Z"}])
def test_a_rotation_without_a_grace_ends_the_old_key_at_once(changes):
    keys = KeyStore(HELD)
    announced = {
        "key_id": "k-2",
        "public_key": base64.b64encode(bytes(32)).decode(),
        "previous_key_id": "k-1",
        "transition_expires": "2026-05-27T11:00:00Z",
    }

    assert keys.rotate(announced | changes)
    assert keys.find("k-1", ISSUED) is None


@pytest.mark.parametrize(
    "payload", [None, {}, {"key_id": "k-2", "public_key": "AAAA"}, {"key_id": "", "public_key": "A"}]
)
def test_a_rotation_that_brings_no_key_changes_nothing(payload):
    keys = KeyStore(HELD)

    assert not keys.rotate(payload)
    assert keys.current == HELD
