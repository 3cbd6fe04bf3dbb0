"""What Domains, Projects and Resources are called.

Each type is the text it accepts: construction either yields a value that may be stored and shown as it is, or raises
`Malformed`, whose message is the rule that was broken. The aggregate adds the name of the field.
"""

import re
import unicodedata
from typing import Self

_KEBAB = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LINE_BREAKS = "\n\r\t"


class Malformed(ValueError):
    """The text breaks the rule that the message states."""


class Name(str):
    """What people read. Surrounding blanks are dropped; 1..255 characters remain, none of them a control character."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        return super().__new__(cls, trimmed(text, ceiling=255))


class Slug(str):
    """The stable handle in kebab case: `^[a-z0-9]+(-[a-z0-9]+)*$`, at most 64 characters."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        return super().__new__(cls, _kebab(text))


class Region(str):
    """A place, spelled like a slug. A Domain that is pinned nowhere has none."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        return super().__new__(cls, _kebab(text))


class Description(str):
    """Free text of at most 1024 characters; the empty one means that there is none. Blanks alone are refused."""

    __slots__ = ()

    def __new__(cls, text: str = "") -> Self:
        if len(text) > 1024:
            raise Malformed("must not be longer than 1024 characters")
        if text and not text.strip():
            raise Malformed("must not consist of blanks")
        if not _storable(text, besides=_LINE_BREAKS):
            raise Malformed("must not contain control characters")
        return super().__new__(cls, text)


def trimmed(text: str, *, ceiling: int) -> str:
    """The text without surrounding blanks: 1..ceiling printable characters, else `Malformed`."""
    inner = text.strip()
    if not inner:
        raise Malformed("must not be empty")
    if len(inner) > ceiling:
        raise Malformed(f"must not be longer than {ceiling} characters")
    if not _storable(inner):
        raise Malformed("must not contain control characters")
    return inner


def _kebab(text: str) -> str:
    if len(text) > 64:
        raise Malformed("must not be longer than 64 characters")
    if not _KEBAB.fullmatch(text):
        raise Malformed("must be lower-case letters and digits in groups joined by single dashes")
    return text


def _storable(text: str, *, besides: str = "") -> bool:
    """Whether the text has no control characters (NUL above all) and no lone surrogates, which no UTF-8 can hold."""
    return all(character in besides or unicodedata.category(character) not in {"Cc", "Cs"} for character in text)
