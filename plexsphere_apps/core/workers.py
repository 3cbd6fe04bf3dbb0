"""Background work that is done again and again, by the clock."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog
from attrs import frozen

from plexsphere_domain.kernel.errors import Unavailable

log = structlog.get_logger(__name__)


@frozen(kw_only=True)
class Repeated:
    """Calls `step` every `tick` seconds.

    A dependency that is away is waited for; every other fault ends the worker, and with it the process.
    """

    name: str
    step: Callable[[], Awaitable[object]]
    tick: float

    async def run(self) -> NoReturn:
        """Work until cancelled."""
        while True:
            try:
                await self.step()
            except Unavailable as away:
                log.warning("worker_waits", worker=self.name, code=away.code, reason=repr(away.__cause__))
            await asyncio.sleep(self.tick)
