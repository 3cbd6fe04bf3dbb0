"""Leases: of all replicas, one does a piece of background work.

A lease is a session-level advisory lock on a connection of its own. When the holder dies, PostgreSQL ends its session
and the lock is free; no clock and no timeout is involved.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b

from psycopg import AsyncConnection

from plexsphere_adapters.postgres.pool import Config
from plexsphere_adapters.postgres.sql import Connection


class LeaseLost(Exception):
    """The session that held the lease ended; somebody else may hold it now."""


class Leases:
    """The leases of one process, all held by one session. Not safe for use from two tasks at once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._held: set[str] = set()

    async def hold(self, name: str) -> bool:
        """Whether this process holds the lease, after trying to take it. Raises LeaseLost when the session ended."""
        if self._connection.closed:
            raise LeaseLost(name)
        if name in self._held:
            return True
        cursor = await self._connection.execute("SELECT pg_try_advisory_lock(%s)", (_key(name),))
        row = await cursor.fetchone()
        if row is not None and row[0]:
            self._held.add(name)
        return name in self._held

    async def verify(self) -> None:
        """Raises LeaseLost unless the session is alive."""
        try:
            async with asyncio.timeout(5):
                await self._connection.execute("SELECT 1")
        except Exception as failure:
            raise LeaseLost("session") from failure


@asynccontextmanager
async def leases(config: Config) -> AsyncIterator[Leases]:
    """A session for holding leases; they end with the block."""
    connection = await AsyncConnection.connect(config.conninfo, autocommit=True)
    try:
        yield Leases(connection)
    finally:
        await connection.close()


def _key(name: str) -> int:
    """A 64-bit advisory lock key for a name."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8, person=b"plexsphere-lease"[:16]).digest(), signed=True)
