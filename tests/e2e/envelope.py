"""Signed envelopes as an agent checks them: parsed, encoded anew, and verified over those bytes.

What is signed is one compact JSON object of six members in a fixed order. The payload keeps its spelling; only blanks
go, and what HTML could mistake is escaped. Nothing of plexsphere is imported: an error of its encoder must show here.
"""

import json
import re
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SIGNED = ("id", "type", "scope", "key_id", "issued_at", "payload")
FRESH = timedelta(minutes=5)

_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_BLANKS_BETWEEN_STRINGS = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)")


class Refused(AssertionError):
    """An agent would throw the envelope away."""


@frozen
class Event:
    """A verified envelope."""

    id: str
    type: str
    scope: str
    issued_at: datetime
    payload: Any


@frozen
class Verifier:
    """The one key that an agent holds after registration."""

    kid: str
    public_key: bytes

    def verify(self, data: bytes) -> Event:
        """The event in `data`, byte for byte what was signed; raises Refused or InvalidSignature."""
        raw = members(data.decode())
        signature = b64decode(json.loads(raw["signature"]), validate=True)
        signed = canonical(raw)
        if len(signature) != 64 or json.loads(raw["key_id"]) != self.kid:
            raise Refused("signature or key")
        Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, signed)
        if data != signed[:-1] + b',"signature":' + raw["signature"].encode() + b"}":
            raise Refused("what is sent is not what is signed")
        issued_at = datetime.fromisoformat(json.loads(raw["issued_at"]))
        if abs(datetime.now(UTC) - issued_at) > FRESH:
            raise Refused("stale")
        read = {name: json.loads(text) for name, text in raw.items()}
        return Event(read["id"], read["type"], read["scope"], issued_at, read["payload"])


def canonical(raw: dict[str, str]) -> bytes:
    """The signed bytes of an envelope, given the JSON text of each of its members."""
    spelled = {name: _string(raw.get(name, '""')) for name in ("id", "type", "scope", "key_id")}
    spelled["issued_at"] = '"' + _instant(json.loads(raw["issued_at"])) + '"'
    spelled["payload"] = _escaped(_BLANKS_BETWEEN_STRINGS.sub(lambda found: found[1] or "", raw.get("payload", "null")))
    return ("{" + ",".join(f'"{name}":{spelled[name]}' for name in SIGNED) + "}").encode()


def members(text: str) -> dict[str, str]:
    """The members of a JSON object, each value as it is spelled."""
    decoder, found = json.JSONDecoder(), {}
    at = _past(text, 0, "{")
    while True:
        name, at = decoder.raw_decode(text, at)
        begin = _past(text, at, ":")
        _, at = decoder.raw_decode(text, begin)
        if name in found:
            raise Refused(f"{name} twice")
        found[name] = text[begin:at]
        at = _skipped(text, at)
        if text[at] == "}":
            if text[at + 1 :].strip():
                raise Refused("text behind the object")
            return found
        at = _past(text, at, ",")


def _past(text: str, at: int, mark: str) -> int:
    at = _skipped(text, at)
    if text[at] != mark:
        raise Refused(f"{mark} missing")
    return _skipped(text, at + 1)


def _skipped(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def _string(raw: str) -> str:
    return _escaped(json.dumps(json.loads(raw), ensure_ascii=False))


def _escaped(text: str) -> str:
    return "".join(_ESCAPED.get(character, character) for character in text)


def _instant(text: str) -> str:
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise Refused("issued_at")
    seconds, fraction, offset = match.groups()
    digits = (fraction or "").rstrip("0")
    return seconds + (f".{digits}" if digits else "") + ("Z" if offset in ("Z", "+00:00", "-00:00") else offset)
