"""The pool when PostgreSQL says nothing any more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from attrs import define, evolve, field
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from plexsphere_adapters.postgres import pool as pools
from plexsphere_adapters.postgres.pool import Config, DatastoreUnavailable, connection
from plexsphere_domain.kernel.secrets import SecretStr


@define
class Line:
    """A way to the server that can be made to swallow everything, without an end that anybody would notice."""

    host: str
    port: int
    open: asyncio.Event = field(factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(self.host, self.port)
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._carry(reader, there[1]))
                ways.create_task(self._carry(there[0], writer))
        finally:
            there[1].close()
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(65536):
                await self.open.wait()
                writer.write(chunk)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def through_a_line(config: Config) -> AsyncIterator[tuple[Line, Config]]:
    parts = conninfo_to_dict(config.dsn.reveal())
    line = Line(str(parts["host"]), int(str(parts["port"])))
    line.open.set()
    server = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    dsn = make_conninfo(config.dsn.reveal(), host="127.0.0.1", port=port)
    async with server:
        yield line, evolve(config, dsn=SecretStr(dsn), min_size=1, max_size=1)
        line.open.set()


async def test_a_server_that_falls_silent_is_away(database: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "LONGEST_USE", 0.2)
    async with through_a_line(database) as (line, config), pools.pool(config) as pool:
        async with connection(pool) as held:
            await held.execute("SELECT 1")
        line.open.clear()
        async with asyncio.timeout(10):
            with pytest.raises(DatastoreUnavailable):
                async with connection(pool) as held:
                    await held.execute("SELECT 1")
        line.open.set()
        async with asyncio.timeout(10), connection(pool) as held:
            await held.execute("SELECT 1")


async def test_nobody_keeps_a_connection(database: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "LONGEST_USE", 0.2)
    async with pools.pool(database) as pool:
        with pytest.raises(DatastoreUnavailable):
            await hold_on(pool)


def test_a_dsn_has_the_last_word(database: Config) -> None:
    dsn = make_conninfo(database.dsn.reveal(), tcp_user_timeout="7", connect_timeout="9")
    parts = conninfo_to_dict(evolve(database, dsn=SecretStr(dsn)).conninfo)
    assert (parts["tcp_user_timeout"], parts["connect_timeout"], parts["keepalives_idle"]) == ("7", "9", "10")


async def hold_on(pool: pools.Pool) -> None:
    """Keep a connection busy for as long as one may."""
    async with connection(pool) as held, held.transaction():
        while True:
            await held.execute("SELECT 1")
