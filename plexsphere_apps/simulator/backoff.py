"""Exponential back-off with jitter."""

import random
from collections.abc import Callable

JITTER = 0.25


class Backoff:
    """Delays that double from `first` to `ceiling`, each spread by ±25 %. `uniform(a, b)` draws the spread."""

    def __init__(self, first: float, ceiling: float, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._first = first
        self._ceiling = ceiling
        self._uniform = uniform
        self._next = first

    def delay(self) -> float:
        """How long to wait this time, in seconds."""
        current = self._next
        self._next = min(self._ceiling, current * 2)
        return current * self._uniform(1 - JITTER, 1 + JITTER)

    def reset(self) -> None:
        self._next = self._first
