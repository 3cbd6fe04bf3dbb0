"""Where a serving process stands on its way out."""

import asyncio

from attrs import define, field


@define
class Lifecycle:
    """serving → leaving → draining, never back.

    `leaving`: readiness is denied, so that nobody sends more; everything is still served.
    `draining`: nothing new is accepted. What is under way is finished, and whoever holds a stream open waits for this
    event beside its source, and ends the stream.
    """

    leaving: asyncio.Event = field(factory=asyncio.Event, init=False)
    draining: asyncio.Event = field(factory=asyncio.Event, init=False)

    def leave(self) -> None:
        self.leaving.set()

    def drain(self) -> None:
        self.leaving.set()
        self.draining.set()
