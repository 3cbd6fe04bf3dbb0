"""A start that waits for OpenBao, and says so."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

from plexsphere_adapters.openbao.client import SecretStoreUnavailable
from plexsphere_apps.serving import CannotStart

T = TypeVar("T")

log = structlog.get_logger(__name__)

PAUSE: Final = 1.0
"""Seconds between two tries."""


async def once_there(read: Callable[[], Awaitable[T]]) -> T:
    """What OpenBao holds, as soon as it tells; each new reason why it does not is logged once.

    Raises CannotStart, with the last reason, where the process is told to stop meanwhile.
    """
    reason = ""
    try:
        while True:
            try:
                return await read()
            except SecretStoreUnavailable as outage:
                if outage.why != reason:
                    reason = outage.why
                    log.warning("waiting_for_openbao", reason=reason)
            await asyncio.sleep(PAUSE)
    except asyncio.CancelledError:
        if not reason:
            raise
        raise CannotStart(f"told to stop while it waited for OpenBao: {reason}") from None
