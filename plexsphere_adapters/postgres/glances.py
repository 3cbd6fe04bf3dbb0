"""How long a consumer of the outbox waits for the next hint.

A fact may be committed and still be hidden by an older transaction, which need not give any hint when it ends. While
there is such a fact, the consumer does not rely on hints but looks again: soon at first, then less often.
"""

import asyncio
from contextlib import suppress
from typing import Final

from attrs import define, field

SOON: Final = 0.005
LATEST: Final = 0.1
"""Seconds from one look to the next while facts are hidden: doubling from the one to the other."""


@define
class Glances:
    """The waits of one consumer, which is woken by `facts`."""

    facts: asyncio.Event
    _next: float = field(default=SOON, init=False)

    async def wait(self, at_most: float) -> None:
        """Wait for a hint, `at_most` seconds."""
        await _set_within(self.facts, at_most)
        self._next = SOON

    async def wait_for_hidden(self, at_most: float) -> None:
        """Wait for a hint, or until hidden facts may have come to light."""
        if await _set_within(self.facts, min(self._next, at_most)):
            self._next = SOON
        else:
            self._next = min(self._next * 2, LATEST)


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await event.wait()
    return False
