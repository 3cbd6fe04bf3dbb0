"""What agents notice: how long things take, how often they happen, and where the server broke its protocol."""

from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from attrs import Factory, define, frozen

SAMPLES: Final = 20
"""Violations of one kind that are kept whole; all are counted."""


@frozen
class Violation:
    """A rule of the protocol that the server broke. `where` is the call; `rule` what it broke; `detail` how."""

    where: str
    rule: str
    detail: str
    node: str


@frozen(kw_only=True)
class Latency:
    """Milliseconds."""

    count: int
    p50: float
    p99: float
    max: float


@define
class Observations:
    """Shared by all agents of a fleet."""

    _violations: "Counter[tuple[str, str]]" = Factory(Counter)
    _samples: dict[tuple[str, str], list[Violation]] = Factory(dict)
    _seconds: "dict[str, array[float]]" = Factory(dict)
    counts: "Counter[str]" = Factory(Counter)

    def violation(self, where: str, rule: str, detail: str = "", node: str = "") -> None:
        """Notes a broken rule. `detail` must not hold secrets."""
        key = (where, rule)
        self._violations[key] += 1
        samples = self._samples.setdefault(key, [])
        if len(samples) < SAMPLES:
            samples.append(Violation(where, rule, detail[:500], node))

    def took(self, what: str, seconds: float) -> None:
        self._seconds.setdefault(what, array("d")).append(seconds)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Measures the block unless it raises."""
        begun = perf_counter()
        yield
        self.took(what, perf_counter() - begun)

    def count(self, what: str) -> None:
        self.counts[what] += 1

    @property
    def violations(self) -> list[tuple[int, list[Violation]]]:
        """How often each rule was broken, most often first, with samples."""
        return [(count, self._samples[key]) for key, count in self._violations.most_common()]

    @property
    def violated(self) -> int:
        return self._violations.total()

    def latency(self, what: str) -> Latency | None:
        """None where nothing of this name was measured."""
        values = sorted(self._seconds.get(what, ()))
        if not values:
            return None
        return Latency(
            count=len(values),
            p50=_milliseconds(values, 0.50),
            p99=_milliseconds(values, 0.99),
            max=_milliseconds(values, 1.0),
        )

    def latencies(self) -> dict[str, Latency]:
        return {what: measured for what in sorted(self._seconds) if (measured := self.latency(what)) is not None}


def _milliseconds(ordered: list[float], quantile: float) -> float:
    """The value below which `quantile` of them lie (nearest rank)."""
    rank = min(len(ordered) - 1, max(0, round(quantile * len(ordered)) - 1))
    return round(ordered[rank] * 1000, 3)
