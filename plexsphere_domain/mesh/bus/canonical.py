"""JSON as plexd spells it: Go's `encoding/json`, compact and with HTML escaping.

plexd parses what it receives, spells it again and verifies a signature over that spelling. So the bytes that we sign
have to be exactly the bytes that Go would write:

 1. A string is written raw in UTF-8, except: `"` and backslash get a backslash; backspace, form feed, newline,
    carriage return and tab their short escapes; other bytes below 0x20 become `\\u00xx` in lower-case hex; `<`, `>`,
    `&`, U+2028 and U+2029 become `\\u003c`, `\\u003e`, `\\u0026`, `\\u2028`, `\\u2029`; what is not a Unicode scalar
    value (a lone surrogate here, an invalid byte in Go) becomes `\\ufffd`.
 2. Received text loses its insignificant whitespace and has the five raw characters of rule 1 escaped. Nothing else
    is touched: the order of keys, the spelling of numbers and the escapes that the sender chose all stay.
 3. A decoded string is well-formed: every invalid byte and every lone surrogate of the received text has become
    U+FFFD, each by itself.
"""

import json
import re
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring
from typing import NoReturn, TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

_ESCAPED = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
_STRING_OR_SPACE = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[ \t\r\n]+', re.DOTALL)
_SPACE = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_RAW_ESCAPES = {
    b"<": rb"\u003c",
    b">": rb"\u003e",
    b"&": rb"\u0026",
    "\u2028".encode(): rb"\u2028",
    "\u2029".encode(): rb"\u2029",
}


class NotJson(ValueError):
    """The text is not one JSON value (RFC 8259), or nests deeper than this process can follow."""


def quote(text: str) -> bytes:
    """The JSON string for `text` (rule 1)."""
    return _ESCAPED.sub(_escape, encode_basestring(text)).encode()


def encode(value: Json) -> bytes:
    """The compact JSON text of `value`, members in their order (rule 1).

    Raises ValueError for numbers that JSON cannot hold (NaN and the infinities).
    """
    return _ESCAPED.sub(_escape, _ENCODER.encode(value)).encode()


def compact(text: bytes) -> bytes:
    """Received JSON text without its insignificant whitespace (rule 2). `text` has to be valid JSON."""
    dense = _STRING_OR_SPACE.sub(_keep_string, text)
    for raw, escape in _RAW_ESCAPES.items():
        dense = dense.replace(raw, escape)
    return dense


def members(text: bytes) -> dict[str, bytes]:
    """The members of the JSON object in `text`: decoded name → text of the value as received; the last of equals wins.

    Raises NotJson when `text` is not exactly one JSON object.
    """
    source = text.decode("utf-8", "surrogateescape")
    found: dict[str, bytes] = {}
    position = _expect(source, "{", _blank(source, 0))
    position = _blank(source, position)
    while not source.startswith("}", position):
        if found:
            position = _blank(source, _expect(source, ",", position))
        name, end = _scan(source, position)
        if not isinstance(name, str) or not source.startswith('"', position):
            raise NotJson(f"no member name at character {position}")
        start = _blank(source, _expect(source, ":", _blank(source, end)))
        _, end = _scan(source, start)
        found[well_formed(name)] = source[start:end].encode("utf-8", "surrogateescape")
        position = _blank(source, end)
    if _blank(source, position + 1) != len(source):
        raise NotJson(f"something follows the object at character {position + 1}")
    return found


def string(text: bytes) -> str | None:
    """The string that the JSON value in `text` holds (rule 3), None when the value is not a string."""
    value, _ = _scan(text.decode("utf-8", "surrogateescape"), 0)
    return well_formed(value) if isinstance(value, str) and text.startswith(b'"') else None


def well_formed(text: str) -> str:
    """`text` with every lone surrogate replaced by U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return r"\ufffd" if 0xD800 <= code <= 0xDFFF else f"\\u{code:04x}"


def _keep_string(match: re.Match[bytes]) -> bytes:
    return match[0] if match[0].startswith(b'"') else b""


def _refuse_constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is not JSON")


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=str, parse_float=str)


def _scan(source: str, position: int) -> tuple[object, int]:
    """The value at `position`, numbers as their text, and where it ends."""
    try:
        return _DECODER.raw_decode(source, position)
    except RecursionError as error:
        raise NotJson("nested too deeply") from error
    except json.JSONDecodeError as error:
        raise NotJson(f"{error.msg} at character {error.pos}") from error


def _blank(source: str, position: int) -> int:
    """Where the whitespace at `position` ends."""
    match = _SPACE.match(source, position)
    assert match is not None
    return match.end()


def _expect(source: str, token: str, position: int) -> int:
    if not source.startswith(token, position):
        raise NotJson(f"expected {token!r} at character {position}")
    return position + 1
