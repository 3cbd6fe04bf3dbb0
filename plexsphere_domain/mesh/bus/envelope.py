"""The signed envelope: what travels on the bus, and what makes a Node believe it.

The rules, in order. To announce:

 1. The signed bytes are one compact JSON object with exactly the members `id`, `type`, `scope`, `key_id`,
    `issued_at`, `payload`, in this order, spelled as `canonical` says: no signature member, no whitespace, no newline,
    no pre-hash, no prefix.
 2. `issued_at` is RFC 3339: seconds, then a fraction of up to nine digits without trailing zeros (none: no dot), `Z`
    for a zero offset and `±hh:mm` for any other. We issue in UTC.
 3. The signature is Ed25519 (RFC 8032) over these bytes by the key that `key_id` names.
 4. The wire form is the signed bytes with `,"signature":"<padded base64>"` before the final brace.
 5. A `data:` line stays below 65,536 bytes: plexd's line scanner ends the stream at a longer one, reconnects, and
    meets it again. An envelope beyond that cannot exist.

To believe what was received (`accept`), the first rule that is broken decides:

 6. A signature is present.
 7. `issued_at` is present and not Go's zero time.
 8. It is at most five minutes old,
 9. and at most five minutes ahead.
10. `key_id` names a key that is held.
11. The signature verifies under that key over the envelope spelled again by rules 1 and 2; how the sender spelled
    it does not matter.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import cached_property
from typing import Protocol

from attrs import define, field, frozen

from plexsphere_domain.mesh.bus import canonical as spelling
from plexsphere_domain.mesh.bus.canonical import Json, NotJson

TOLERANCE = timedelta(minutes=5)
"""How far `issued_at` may lie from the receiver's clock, in either direction."""

MAX_LINE = 65_535
"""The bytes of a `data:` line, without its newline."""

MAX_ENVELOPE = MAX_LINE - len(b"data: ")
"""The bytes of an envelope in wire form."""

SIGNATURE_SIZE = 64
_SIGNATURE_TEXT = len(b',"signature":""') + len(b64encode(bytes(SIGNATURE_SIZE)))

_RFC3339 = re.compile(
    r"(?P<whole>\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d)(?:\.(?P<fraction>\d+))?"
    r"(?:Z|(?P<sign>[+-])(?P<hours>\d\d):(?P<minutes>[0-5]\d))",
    re.ASCII,
)


class SignatureCheck(Protocol):
    """Ed25519 (RFC 8032, section 5.1.7): whether `signature` over `message` is `public_key`'s (32 raw bytes)."""

    def __call__(self, public_key: bytes, message: bytes, signature: bytes) -> bool: ...


@define(eq=False)
class EnvelopeRefused(Exception):
    """An envelope that cannot exist or is not to be believed."""


@define(eq=False)
class Malformed(EnvelopeRefused):
    """The received bytes are no envelope at all."""

    reason: str


@define(eq=False)
class TooLong(EnvelopeRefused):
    """The envelope would be `size` bytes on the wire (rule 5)."""

    size: int


class SignatureMissing(EnvelopeRefused):
    """Rule 6."""


class IssuedAtMissing(EnvelopeRefused):
    """Rule 7."""


@define(eq=False)
class Stale(EnvelopeRefused):
    """Rule 8."""

    issued_at: "IssuedAt"


@define(eq=False)
class FromTheFuture(EnvelopeRefused):
    """Rule 9."""

    issued_at: "IssuedAt"


@define(eq=False)
class UnknownKey(EnvelopeRefused):
    """Rule 10."""

    key_id: str


@define(eq=False)
class SignatureMismatch(EnvelopeRefused):
    """Rule 11."""

    key_id: str


@frozen
class IssuedAt:
    """A moment as RFC 3339 (section 5.6) writes it, to the nanosecond and with its offset. `second` is aware."""

    second: datetime
    nanosecond: int = 0

    @classmethod
    def of(cls, moment: datetime) -> "IssuedAt":
        """`moment`, an aware datetime, in UTC."""
        moment = moment.astimezone(UTC)
        return cls(moment.replace(microsecond=0), moment.microsecond * 1000)

    @classmethod
    def parse(cls, text: str) -> "IssuedAt":
        """The moment that `text` spells; digits beyond nanoseconds are dropped. Raises Malformed."""
        match = _RFC3339.fullmatch(text)
        if match is None:
            raise Malformed("issued_at is not RFC 3339")
        offset = timedelta(hours=int(match["hours"] or 0), minutes=int(match["minutes"] or 0))
        try:
            zone = timezone(-offset if match["sign"] == "-" else offset)
            second = datetime.fromisoformat(match["whole"]).replace(tzinfo=zone)
        except ValueError as error:
            raise Malformed("issued_at is no date") from error
        return cls(second, int((match["fraction"] or "")[:9].ljust(9, "0")))

    @property
    def moment(self) -> datetime:
        """The moment, cut to the microseconds that a datetime holds."""
        return self.second.replace(microsecond=self.nanosecond // 1000)

    @property
    def is_zero(self) -> bool:
        """Whether it is Go's zero time, which says that nobody set it."""
        return self.nanosecond == 0 and self.second == datetime(1, 1, 1, tzinfo=UTC)

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        fraction = f".{self.nanosecond:09d}".rstrip("0").rstrip(".")
        whole, offset = self.second.isoformat()[:19], self.second.isoformat()[19:]
        return f"{whole}{fraction}{'Z' if offset == '+00:00' else offset}"


@frozen
class Payload:
    """Any JSON value, by its canonical text. Made by `of` and `received`."""

    text: bytes

    @classmethod
    def of(cls, value: Json) -> "Payload":
        """Our own value, spelled by us."""
        return cls(spelling.encode(value))

    @classmethod
    def received(cls, text: bytes) -> "Payload":
        """Somebody else's value, as they spelled it. `text` has to be valid JSON."""
        return cls(spelling.compact(text))


def _present(instance: object, attribute: object, value: str) -> None:
    if not value:
        raise Malformed("id and type must not be empty")


@frozen(kw_only=True)
class Envelope:
    """The record before its signature. Its strings are well-formed Unicode, or become so."""

    id: str = field(converter=spelling.well_formed, validator=_present)
    type: str = field(converter=spelling.well_formed, validator=_present)
    scope: str = field(converter=spelling.well_formed)
    key_id: str = field(converter=spelling.well_formed)
    issued_at: IssuedAt
    payload: Payload

    canonical: bytes = field(init=False, eq=False, repr=False)
    """The bytes that are signed (rules 1 and 2)."""

    @canonical.default
    def _spell(self) -> bytes:
        return b'{"id":%b,"type":%b,"scope":%b,"key_id":%b,"issued_at":"%b","payload":%b}' % (
            spelling.quote(self.id),
            spelling.quote(self.type),
            spelling.quote(self.scope),
            spelling.quote(self.key_id),
            str(self.issued_at).encode(),
            self.payload.text,
        )

    def __attrs_post_init__(self) -> None:
        size = len(self.canonical) + _SIGNATURE_TEXT
        if size > MAX_ENVELOPE:
            raise TooLong(size)

    def signed(self, signature: bytes) -> "SignedEnvelope":
        return SignedEnvelope(self, signature)


@frozen
class SignedEnvelope:
    """An envelope with a signature of 64 bytes, genuine or not: `is_genuine` tells."""

    envelope: Envelope
    signature: bytes

    @classmethod
    def parse(cls, data: bytes) -> "SignedEnvelope":
        """The envelope in `data`, spelled in whatever way; members that it does not know are passed over.

        Raises Malformed, SignatureMissing, IssuedAtMissing or TooLong.
        """
        try:
            found = spelling.members(data)
            texts = {name: _text(found, name) for name in ("signature", "issued_at", "id", "type", "scope", "key_id")}
        except NotJson as error:
            raise Malformed(str(error)) from error
        signature = _signature(texts["signature"])
        envelope = Envelope(
            id=texts["id"],
            type=texts["type"],
            scope=texts["scope"],
            key_id=texts["key_id"],
            issued_at=_issued_at(texts["issued_at"]),
            payload=Payload.received(found.get("payload", b"null")),
        )
        return cls(envelope, signature)

    @property
    def data(self) -> bytes:
        """The wire form (rule 4): one line, without a newline."""
        return b'%b,"signature":"%b"}' % (self.envelope.canonical[:-1], b64encode(self.signature))

    def is_genuine(self, public_key: bytes, check: SignatureCheck) -> bool:
        """Rule 11."""
        return check(public_key, self.envelope.canonical, self.signature)


def accept(data: bytes, keys: Mapping[str, bytes], now: datetime, check: SignatureCheck) -> SignedEnvelope:
    """The envelope in `data`, if a holder of `keys` (kid → 32 raw bytes) may believe it at `now`.

    Raises the EnvelopeRefused of the first rule that it breaks (6 to 11).
    """
    signed = SignedEnvelope.parse(data)
    envelope = signed.envelope
    if envelope.issued_at.moment < now - TOLERANCE:
        raise Stale(envelope.issued_at)
    if envelope.issued_at.moment > now + TOLERANCE:
        raise FromTheFuture(envelope.issued_at)
    public_key = keys.get(envelope.key_id)
    if public_key is None or not envelope.key_id:
        raise UnknownKey(envelope.key_id)
    if not signed.is_genuine(public_key, check):
        raise SignatureMismatch(envelope.key_id)
    return signed


def _text(found: Mapping[str, bytes], name: str) -> str:
    """The string member `name`; empty when it is absent or null, as Go leaves it."""
    raw = found.get(name, b"null")
    if raw == b"null":
        return ""
    text = spelling.string(raw)
    if text is None:
        raise Malformed(f"{name} is not a string")
    return text


def _signature(text: str) -> bytes:
    if not text:
        raise SignatureMissing
    try:
        signature = b64decode(text, validate=True)
    except (Base64Error, ValueError) as error:
        raise Malformed("the signature is not base64") from error
    if len(signature) != SIGNATURE_SIZE:
        raise Malformed(f"the signature has {len(signature)} bytes")
    return signature


def _issued_at(text: str) -> IssuedAt:
    if not text:
        raise IssuedAtMissing
    issued_at = IssuedAt.parse(text)
    if issued_at.is_zero:
        raise IssuedAtMissing
    return issued_at
