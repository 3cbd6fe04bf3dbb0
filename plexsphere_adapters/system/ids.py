"""UUID version 7 (RFC 9562, section 5.7), ascending within the process.

The 74 bits behind the millisecond are a 42-bit counter (the twelve of `rand_a` and the upper thirty of `rand_b`)
and 32 random bits: the dedicated counter of section 6.2, method 1. Each new millisecond starts the counter at a random
value with its top bit clear; within a millisecond it counts up. A clock that stands still or steps back does not
stop it: the last timestamp is kept until the clock has caught up, and a counter that runs over moves it on by one.
"""

import os
import threading
import time
from collections.abc import Callable
from uuid import UUID

COUNTER_BITS = 42
TAIL_BITS = 32


class Uuid7:
    """A source of ascending ids; callable, and safe to share between threads.

    `milliseconds` is the Unix time in milliseconds.
    """

    def __init__(self, milliseconds: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._milliseconds = milliseconds
        self._lock = threading.Lock()
        self._timestamp = 0
        self._counter = 0

    def __call__(self) -> UUID:
        seed = int.from_bytes(os.urandom(10))
        with self._lock:
            self._advance(seed >> TAIL_BITS)
            timestamp, counter = self._timestamp, self._counter
        return _compose(timestamp, counter, seed & ((1 << TAIL_BITS) - 1))

    def _advance(self, random: int) -> None:
        now = self._milliseconds()
        if now > self._timestamp:
            self._restart(now, random)
            return
        self._counter += 1
        if self._counter >> COUNTER_BITS:
            self._restart(self._timestamp + 1, random)

    def _restart(self, timestamp: int, random: int) -> None:
        self._timestamp = timestamp
        self._counter = random & ((1 << (COUNTER_BITS - 1)) - 1)


def _compose(timestamp: int, counter: int, tail: int) -> UUID:
    rand_a, rand_b_high = counter >> 30, counter & ((1 << 30) - 1)
    return UUID(int=timestamp << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b_high << 32 | tail)


uuid7 = Uuid7()
"""The ids of this process."""
