"""Background work that is done again and again: woken by a hint, or by the clock."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from attrs import frozen

from plexsphere_domain.kernel.errors import Unavailable

log = structlog.get_logger(__name__)


@frozen(kw_only=True)
class Repeated:
    """Calls `step` every `tick` seconds, and at once when `wake` is set.

    A dependency that is away is waited for; every other fault ends the worker, and with it the process.
    """

    name: str
    step: Callable[[], Awaitable[object]]
    tick: float
    wake: asyncio.Event | None = None

    async def run(self) -> None:
        """Work until cancelled."""
        wake = self.wake or asyncio.Event()
        while True:
            wake.clear()
            try:
                await self.step()
            except Unavailable as away:
                log.warning("worker_waits", worker=self.name, code=away.code, reason=repr(away.__cause__))
            with suppress(TimeoutError):
                async with asyncio.timeout(self.tick):
                    await wake.wait()
