"""Whether something on this machine answers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import httpx

from plexsphere_apps.embedded.ports import LOOPBACK

BOUND: Final = 2.0
"""Seconds one question may take."""


def http_client() -> httpx.AsyncClient:
    """A client for the launcher's own questions to servers on the loopback interface: plain HTTP, never a proxy."""
    return httpx.AsyncClient(timeout=BOUND, trust_env=False, verify=False)  # noqa: S501  (no TLS is spoken)


async def until(holds: Callable[[], Awaitable[bool]], *, every: float) -> None:
    """Ask every so many seconds until the answer is yes; the caller bounds the wait."""
    while not await holds():  # noqa: ASYNC110  (another process is asked: there is no event to wait for)
        await asyncio.sleep(every)


async def listens(port: int) -> bool:
    """Whether a connection to the port is accepted."""
    try:
        async with asyncio.timeout(BOUND):
            _, writer = await asyncio.open_connection(LOOPBACK, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def status_of(client: httpx.AsyncClient, url: str) -> int | None:
    """The status with which `url` answers a GET; None when it does not answer."""
    try:
        return (await client.get(url)).status_code
    except httpx.HTTPError:
        return None
