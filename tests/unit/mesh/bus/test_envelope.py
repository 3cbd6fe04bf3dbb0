"""The two vectors that plexd publishes, and the laws that hold for every envelope."""

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_domain.mesh.bus.envelope import (
    MAX_ENVELOPE,
    Envelope,
    EnvelopeRefused,
    FromTheFuture,
    IssuedAt,
    IssuedAtMissing,
    Malformed,
    Payload,
    SignatureMismatch,
    SignatureMissing,
    SignedEnvelope,
    Stale,
    TooLong,
    UnknownKey,
    accept,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = b64decode("A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=")
NOW = datetime(2026, 5, 27, 10, 0, tzinfo=UTC)

VECTOR = (
    b'{"id":"0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a0","type":"node_state_updated",'
    b'"scope":"domain:0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0b1","key_id":"k-1","issued_at":"2026-05-27T10:00:00Z",'
    b'"payload":{"node_id":"0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a3"}}'
)
SIGNATURE = "SzZ5l5/nSjcEvYBYk9naA300dukYWNbLHMa/aU9y9unmOUkCNICcVnOBVYKwetkR1Z1x8aeZafTwpTccjEevAA=="


def check(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def sign(envelope: Envelope) -> SignedEnvelope:
    return envelope.signed(KEY.sign(envelope.canonical))


def announcement(**changes: Any) -> Envelope:
    fields: dict[str, Any] = {
        "id": "0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a0",
        "type": "node_state_updated",
        "scope": "domain:0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0b1",
        "key_id": "k-1",
        "issued_at": IssuedAt.of(NOW),
        "payload": Payload.of({"node_id": "0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a3"}),
    }
    return Envelope(**fields | changes)


texts = st.text(st.characters(codec=None))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
moments = st.datetimes(timezones=st.just(UTC)).filter(lambda moment: 1 < moment.year < 9999)
envelopes = st.builds(
    Envelope,
    id=texts.filter(bool),
    type=texts.filter(bool),
    scope=texts,
    key_id=texts.filter(bool),
    issued_at=moments.map(IssuedAt.of),
    payload=values.map(Payload.of),
)


class TestVectors:
    def test_the_canonical_bytes(self) -> None:
        assert announcement().canonical == VECTOR
        assert len(VECTOR) == 238
        assert sha256(VECTOR).hexdigest() == "af56e93ad4cf0a71df099bf40eced0fec90ea5b0dc564091c32ee73b858507c6"

    def test_the_signature(self) -> None:
        signed = sign(announcement())
        assert b64encode(signed.signature).decode() == SIGNATURE
        assert signed.data == VECTOR[:-1] + b',"signature":"' + SIGNATURE.encode() + b'"}'
        assert KEY.public_key().public_bytes_raw() == PUBLIC

    def test_respelling(self) -> None:
        received = (
            '{ "id":"e<1>", "type":"t", "scope":"a&b", "key_id":"k-1",\n'
            ' "issued_at":"2026-05-27T10:00:00.120300+00:00", "payload": { "z" : 1.50e+3 , "a":"<x>&ü" },'
            f' "signature":"{SIGNATURE}" }}'
        )
        canonical = SignedEnvelope.parse(received.encode()).envelope.canonical
        assert canonical == (
            rb'{"id":"e\u003c1\u003e","type":"t","scope":"a\u0026b","key_id":"k-1","issued_at":"2026-05-27T10:00:00.1203Z",'
            rb'"payload":{"z":1.50e+3,"a":"\u003cx\u003e\u0026' + "ü".encode() + b'"}}'
        )


class TestLaws:
    @given(envelopes)
    def test_parsing_gives_the_envelope_back(self, envelope: Envelope) -> None:
        signed = sign(envelope)
        parsed = SignedEnvelope.parse(signed.data)
        assert parsed == signed
        assert parsed.envelope.canonical == envelope.canonical
        assert parsed.data == signed.data

    @given(envelopes, st.sampled_from([b" ", b"\n", b"\t", b"\r\n  "]))
    def test_spaced_text_verifies(self, envelope: Envelope, blank: bytes) -> None:
        signed = sign(envelope)
        spaced = blank + b"{" + blank + signed.data[1:-1] + blank + b"}" + blank
        assert SignedEnvelope.parse(spaced).is_genuine(PUBLIC, check)

    @given(envelopes)
    def test_what_is_signed_is_accepted(self, envelope: Envelope) -> None:
        signed = sign(envelope)
        assert accept(signed.data, {envelope.key_id: PUBLIC}, envelope.issued_at.moment, check) == signed

    @given(envelopes)
    def test_the_wire_form_is_one_line_of_utf8(self, envelope: Envelope) -> None:
        data = sign(envelope).data
        assert data.decode()
        assert not set(data) & set(range(0x20))

    @given(envelopes, st.data())
    def test_a_changed_byte_is_never_accepted_as_another_envelope(
        self, envelope: Envelope, data: st.DataObject
    ) -> None:
        wire = bytearray(sign(envelope).data)
        wire[data.draw(st.integers(0, len(wire) - 1))] ^= data.draw(st.integers(1, 255))
        try:
            parsed = SignedEnvelope.parse(bytes(wire))
        except EnvelopeRefused:
            return
        assert parsed.envelope.canonical == envelope.canonical or not parsed.is_genuine(PUBLIC, check)


class TestIssuedAt:
    @pytest.mark.parametrize(
        ("received", "spelled"),
        [
            ("2026-05-27T10:00:00Z", "2026-05-27T10:00:00Z"),
            ("2026-05-27T10:00:00.000Z", "2026-05-27T10:00:00Z"),
            ("2026-05-27T10:00:00.120300+00:00", "2026-05-27T10:00:00.1203Z"),
            ("2026-05-27T10:00:00-00:00", "2026-05-27T10:00:00Z"),
            ("2026-05-27T10:00:00.5+02:30", "2026-05-27T10:00:00.5+02:30"),
            ("2026-05-27T10:00:00-11:00", "2026-05-27T10:00:00-11:00"),
            ("2026-05-27T10:00:00.123456789Z", "2026-05-27T10:00:00.123456789Z"),
            ("2026-05-27T10:00:00.1234567899Z", "2026-05-27T10:00:00.123456789Z"),
        ],
    )
    def test_it_is_spelled_as_go_spells_it(self, received: str, spelled: str) -> None:
        assert str(IssuedAt.parse(received)) == spelled

    @pytest.mark.parametrize(
        "text",
        [
            "2026-05-27t10:00:00Z",
            "2026-05-27T10:00:00z",
            "2026-05-27 10:00:00Z",
            "2026-05-27T10:00:00",
            "2026-05-27T10:00Z",
            "2026-05-27T10:00:00,5Z",
            "2026-05-27T10:00:00.Z",
            "2026-02-30T10:00:00Z",
            "2026-05-27T24:00:00Z",
            "2026-05-27T10:00:60Z",
            "2026-05-27T10:00:00+24:00",
            "2026-05-27T10:00:00+01:60",
            "٢٠٢٦-05-27T10:00:00Z",
            "2026-05-27T10:00:00Z\n",
            "0000-01-01T00:00:00Z",
        ],
    )
    def test_other_spellings_are_refused(self, text: str) -> None:
        with pytest.raises(Malformed):
            IssuedAt.parse(text)

    @given(moments)
    def test_a_moment_survives(self, moment: datetime) -> None:
        assert IssuedAt.parse(str(IssuedAt.of(moment))).moment == moment


class TestAcceptance:
    """In the order of the rules: each case breaks its own rule and all that follow."""

    def wire(self, **changes: Any) -> bytes:
        members = json.loads(sign(announcement()).data) | {"scope": "changed"} | changes
        return json.dumps({name: value for name, value in members.items() if value is not None}).encode()

    @pytest.mark.parametrize(
        ("changes", "refusal"),
        [
            ({"signature": None, "issued_at": None}, SignatureMissing),
            ({"signature": "", "issued_at": None}, SignatureMissing),
            ({"issued_at": None, "key_id": "other"}, IssuedAtMissing),
            ({"issued_at": "0001-01-01T00:00:00Z", "key_id": "other"}, IssuedAtMissing),
            ({"issued_at": "2026-05-27T09:54:59.999999Z", "key_id": "other"}, Stale),
            ({"issued_at": "0001-01-01T00:00:00+23:59", "key_id": "other"}, Stale),
            ({"issued_at": "2026-05-27T10:05:00.000001Z", "key_id": "other"}, FromTheFuture),
            ({"issued_at": "9999-12-31T23:59:59-23:59", "key_id": "other"}, FromTheFuture),
            ({"key_id": "other"}, UnknownKey),
            ({"key_id": None}, UnknownKey),
            ({}, SignatureMismatch),
        ],
    )
    def test_the_first_broken_rule_decides(self, changes: dict[str, Any], refusal: type[EnvelopeRefused]) -> None:
        with pytest.raises(refusal):
            accept(self.wire(**changes), {"k-1": PUBLIC, "": PUBLIC}, NOW, check)

    @pytest.mark.parametrize("skew", [timedelta(minutes=-5), timedelta(0), timedelta(minutes=5)])
    def test_five_minutes_either_way_are_tolerated(self, skew: timedelta) -> None:
        assert accept(sign(announcement()).data, {"k-1": PUBLIC}, NOW + skew, check)

    @pytest.mark.parametrize(
        "changes",
        [
            {"id": None},
            {"id": ""},
            {"type": ""},
            {"id": 7},
            {"scope": ["x"]},
            {"signature": "AAAA"},
            {"signature": "not base64"},
            {"signature": SIGNATURE.rstrip("=")},
            {"issued_at": "yesterday"},
        ],
    )
    def test_what_is_no_envelope_is_malformed(self, changes: dict[str, Any]) -> None:
        with pytest.raises(Malformed):
            accept(self.wire(**changes), {"k-1": PUBLIC}, NOW, check)

    def test_unknown_members_and_an_absent_payload_are_tolerated(self) -> None:
        bare = announcement(scope="", payload=Payload.of(None))
        members = json.loads(sign(bare).data) | {"nonce": "ignored"}
        del members["payload"], members["scope"]
        assert accept(json.dumps(members).encode(), {"k-1": PUBLIC}, NOW, check).envelope == bare


class TestSize:
    def test_the_longest_envelope_fits_one_line(self) -> None:
        spare = MAX_ENVELOPE - len(sign(announcement(payload=Payload.of(""))).data)
        assert len(b"data: " + sign(announcement(payload=Payload.of("x" * spare))).data) == 65_535

    def test_one_byte_more_cannot_exist(self) -> None:
        spare = MAX_ENVELOPE - len(sign(announcement(payload=Payload.of(""))).data)
        with pytest.raises(TooLong) as refusal:
            announcement(payload=Payload.of("x" * (spare + 1)))
        assert refusal.value.size == MAX_ENVELOPE + 1
