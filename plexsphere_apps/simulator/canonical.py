"""The bytes that an envelope's signature is over, as plexd computes them.

plexd parses the envelope and encodes it again, in Go. This is a second implementation of that encoding, kept apart
from the server's on purpose: it is what tells whether the server's is right.

 - One compact JSON object: `id`, `type`, `scope`, `key_id`, `issued_at`, `payload`, in this order, always all of them.
 - Strings escape `"` and `\\`, the short forms of \\b \\f \\n \\r \\t, other controls as \\u00xx, and `<`, `>`, `&`,
   U+2028, U+2029 as \\uxxxx; everything else is raw UTF-8.
 - `issued_at` loses trailing zeros of its fraction; a zero offset becomes `Z`.
 - The payload is the received text without insignificant whitespace, in which raw `<`, `>`, `&`, U+2028 and U+2029
   are escaped. Nothing in it is spelled anew.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Final

from attrs import field, frozen

_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_STRING_SPECIAL: Final = re.compile(r'["\\<>&\u2028\u2029\x00-\x1f]')
_PAYLOAD_SPECIAL: Final = re.compile(r"[<>&\u2028\u2029]")
_STRING_OR_SPACE: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[ \t\r\n]+')
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_INSTANT: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(?:(Z)|([+-])(\d\d):(\d\d))", re.ASCII)


class NoEnvelope(ValueError):
    """The data is not an envelope: not JSON, not an object, or a member of the wrong type."""


@frozen(kw_only=True)
class Envelope:
    """`issued_at` is as received; `instant` what it says, None for Go's zero time or none at all.

    `canonical` is the signed bytes; `exact` says whether the data was what a server emits that signs what it sends.
    """

    id: str
    type: str
    scope: str
    key_id: str
    issued_at: str
    signature: str = field(repr=False)
    instant: datetime | None
    payload: Any = field(repr=False)
    canonical: bytes = field(repr=False)
    exact: bool


@lru_cache(maxsize=8192)
def parse(data: bytes) -> Envelope:
    """The envelope in a frame's data; raises NoEnvelope.

    Remembered, because an event for a whole Domain reaches every agent of this process with the same bytes.
    """
    text = data.decode(errors="replace")
    try:
        members = _members(text)
        values = {name: json.loads(members.get(name, '""')) for name in _TEXTS}
        payload_text = members.get("payload", "null")
        payload = json.loads(payload_text)
    except (ValueError, RecursionError) as failure:
        raise NoEnvelope(str(failure)) from failure
    texts = {name: _text(name, value) for name, value in values.items()}
    if not texts["id"] or not texts["type"]:
        raise NoEnvelope("id or type is missing")
    canonical = _canonical(texts, payload_text)
    return Envelope(
        **texts,
        instant=_instant(texts["issued_at"]),
        payload=payload,
        canonical=canonical,
        exact=data == canonical[:-1] + b',"signature":' + _string(texts["signature"]).encode() + b"}",
    )


def _canonical(texts: Mapping[str, str], payload_text: str) -> bytes:
    parts = (
        ("id", _string(texts["id"])),
        ("type", _string(texts["type"])),
        ("scope", _string(texts["scope"])),
        ("key_id", _string(texts["key_id"])),
        ("issued_at", _string(_respelled(texts["issued_at"]))),
        ("payload", _compact(payload_text)),
    )
    return ("{" + ",".join(f'"{name}":{value}' for name, value in parts) + "}").encode()


def _text(name: str, value: object) -> str:
    """The string, or the empty one for null; as Go decodes it, with lone surrogates replaced."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise NoEnvelope(f"{name} is no string")
    return _LONE_SURROGATE.sub("\ufffd", value)


_TEXTS: Final = ("id", "type", "scope", "key_id", "issued_at", "signature")


def _members(text: str) -> dict[str, str]:
    """Each member of the object with the text of its value."""
    decoder = json.JSONDecoder(parse_constant=_refuse)
    position = _after_space(text, 0)
    if text[position : position + 1] != "{":
        raise ValueError("not an object")
    position = _after_space(text, position + 1)
    members: dict[str, str] = {}
    while text[position : position + 1] != "}":
        if members:
            position = _after(text, position, ",")
        if text[position : position + 1] != '"':
            raise ValueError(f"a member's name is missing at {position}")
        name, position = decoder.raw_decode(text, position)
        position = _after(text, _after_space(text, position), ":")
        _, end = decoder.raw_decode(text, position)
        members[name] = text[position:end]
        position = _after_space(text, end)
    if _after_space(text, position + 1) != len(text):
        raise ValueError("text behind the object")
    return members


def _after(text: str, position: int, mark: str) -> int:
    if text[position : position + 1] != mark:
        raise ValueError(f"{mark} is missing at {position}")
    return _after_space(text, position + 1)


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _string(text: str) -> str:
    return '"' + _STRING_SPECIAL.sub(lambda found: _SHORT.get(found[0]) or _escape(found[0]), text) + '"'


def _escape(character: str) -> str:
    return f"\\u{ord(character):04x}"


def _compact(text: str) -> str:
    bare = _STRING_OR_SPACE.sub(lambda found: found[0] if found[0].startswith('"') else "", text)
    return _PAYLOAD_SPECIAL.sub(lambda found: _escape(found[0]), bare)


def _respelled(text: str) -> str:
    match = _INSTANT.fullmatch(text)
    if match is None:
        return text
    whole, fraction, zulu, sign, hours, minutes = match.groups()
    kept = (fraction or "")[:9].rstrip("0")
    offset = "Z" if zulu or (hours, minutes) == ("00", "00") else f"{sign}{hours}:{minutes}"
    return whole + (f".{kept}" if kept else "") + offset


def _instant(text: str) -> datetime | None:
    """What the text says; None for nothing and for year 1, Go's zero time. Raises NoEnvelope where it says nothing."""
    if not text:
        return None
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise NoEnvelope("issued_at is not RFC 3339")
    whole, fraction, _, sign, hours, minutes = match.groups()
    try:
        shift = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
        base = datetime.fromisoformat(whole).replace(tzinfo=timezone(shift))
    except ValueError as impossible:
        raise NoEnvelope("issued_at is no instant") from impossible
    instant = base + timedelta(microseconds=int((fraction or "0")[:6].ljust(6, "0")))
    return None if instant.year == 1 else instant.astimezone(UTC)
