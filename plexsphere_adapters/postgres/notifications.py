"""LISTEN: one session per process hears every channel and wakes those who wait.

A notification is a hint, never the message: whoever is woken looks into the tables. A session that was lost wakes
everybody when it is back, since hints may have been missed.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable

import structlog
from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from plexsphere_adapters.postgres.pool import OUTAGES, Config

log = structlog.get_logger(__name__)


Wanted = Callable[[str], bool]


class Notifications:
    """Wake-ups by channel name. `run` must be under way for them to come."""

    def __init__(self, config: Config, *channels: str) -> None:
        self._config = config
        self._channels = channels
        self._waiters: dict[str, dict[asyncio.Event, Wanted]] = defaultdict(dict)

    def subscribe(self, channel: str, wanted: Wanted = lambda _: True) -> asyncio.Event:
        """An event that is set at every notification of the channel whose payload is `wanted`.

        The subscriber clears it.
        """
        if channel not in self._channels:
            raise KeyError(channel)
        event = asyncio.Event()
        self._waiters[channel][event] = wanted
        return event

    def unsubscribe(self, channel: str, event: asyncio.Event) -> None:
        self._waiters[channel].pop(event, None)

    async def run(self) -> None:
        """Listen until cancelled, reconnecting for ever."""
        while True:
            try:
                await self._listen()
            except OUTAGES as outage:
                log.warning("notifications_lost", reason=type(outage).__name__)
            await asyncio.sleep(1)

    async def _listen(self) -> None:
        connection = await AsyncConnection.connect(self._config.conninfo, autocommit=True)
        async with connection:
            for channel in self._channels:
                await connection.execute(SQL("LISTEN {}").format(Identifier(channel)))
            for channel in self._channels:
                for event in self._waiters[channel]:
                    event.set()
            async for notification in connection.notifies():
                for event, wanted in self._waiters[notification.channel].items():
                    if wanted(notification.payload):
                        event.set()
