"""Durations spelled as Go spells them (`time.ParseDuration`): `30s`, `1h30m`, `1.5h`."""

import re
from datetime import timedelta
from typing import Self

from attrs import field, frozen

from plexsphere_domain.tenancy.naming import Malformed

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5
    "μs": 1_000,  # U+03BC
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?(?P<unit>ns|us|µs|μs|ms|s|m|h)")
_LONGEST_TEXT = 64
_INT64_MAX = 2**63 - 1


@frozen
class Duration:
    """A span of time that remembers how it was spelled: `90s` is never shown as `1m30s`.

    Two durations are equal when they are equally long, however they are spelled.
    """

    nanoseconds: int
    text: str = field(eq=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The duration; `Malformed` for what Go's parser refuses, for negative ones, and beyond 2^63 - 1 ns."""
        unsigned = text.removeprefix("+")
        if unsigned == "0":
            return cls(0, text)
        if not unsigned or len(text) > _LONGEST_TEXT:
            raise Malformed("must be a duration such as 30s or 1m30s")
        total = at = 0
        while at < len(unsigned):
            part = _PART.match(unsigned, at)
            if part is None:
                raise Malformed("must be a duration such as 30s or 1m30s")
            total += _nanoseconds(part)
            at = part.end()
        if total > _INT64_MAX:
            raise Malformed("is longer than any duration can be")
        return cls(total, text)

    @property
    def timedelta(self) -> timedelta:
        """As long as it is in whole microseconds."""
        return timedelta(microseconds=self.nanoseconds // 1_000)

    def __str__(self) -> str:
        return self.text


def _nanoseconds(part: re.Match[str]) -> int:
    whole, fraction = part["whole"], part["fraction"] or ""
    if not whole and not fraction:
        raise Malformed("must have digits before each unit")
    digits = int((whole or "0") + fraction)
    scale: int = 10 ** len(fraction)
    return digits * _NANOSECONDS[part["unit"]] // scale
