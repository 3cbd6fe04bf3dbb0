"""The connection pool, and what its failures look like from outside.

A server that is gone refuses or resets; one that hangs, or whose network swallows everything, says nothing at all. So
nobody holds a connection for longer than `LONGEST_USE`: then it is cut, which is an outage like any other.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from typing import Final
from weakref import WeakKeyDictionary

import orjson
import psycopg
import structlog
from attrs import frozen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import DeadlockDetected, SerializationFailure
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from plexsphere_adapters.postgres.sql import Connection
from plexsphere_domain.kernel.errors import Unavailable
from plexsphere_domain.kernel.secrets import SecretStr

log = structlog.get_logger(__name__)

Pool = AsyncConnectionPool[Connection]

LONGEST_USE: Final = 12.0
"""Seconds that a caller may hold a connection. Two in a row still leave an agent's request time for an answer."""

LONGEST_CHECK: Final = 3.0
"""Seconds that a connection may take to prove that it is alive."""

_SIGNS_OF_LIFE: Final = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""How a session notices, while it waits, that its peer is gone without a word. A DSN may say otherwise."""


class DatastoreUnavailable(Unavailable):
    """PostgreSQL cannot be reached, or went away in the middle of a transaction that did not commit."""

    code = "datastore_unavailable"

    @property
    def detail(self) -> str:
        return "the datastore is unreachable; try again shortly"


class TransactionContended(Unavailable):
    """Two transactions stood in each other's way and PostgreSQL ended this one; nothing was written."""

    code = "datastore_contention"

    @property
    def detail(self) -> str:
        return "the request collided with another one; try again"


@frozen(kw_only=True)
class Config:
    """How to reach PostgreSQL, and how many connections one process holds.

    `check` is how long a connection may idle before it is tested on its way to a caller; `wait` how long a caller
    waits for a free one.
    """

    dsn: SecretStr
    min_size: int = 2
    max_size: int = 10
    idle: timedelta = timedelta(seconds=30)
    check: timedelta = timedelta(seconds=30)
    wait: timedelta = timedelta(seconds=5)
    application: str = "plexsphere"

    @property
    def conninfo(self) -> str:
        given = conninfo_to_dict(self.dsn.reveal())
        defaults = {name: value for name, value in _SIGNS_OF_LIFE.items() if name not in given}
        return make_conninfo(self.dsn.reveal(), application_name=self.application, **defaults)


@frozen
class Addressed:
    """What a DSN says, as far as it is not secret."""

    database: str
    with_password: bool

    @classmethod
    def by(cls, dsn: SecretStr) -> "Addressed":
        """Raises ValueError for what is no DSN; the error does not repeat it."""
        try:
            parts = conninfo_to_dict(dsn.reveal())
        except psycopg.ProgrammingError:
            raise ValueError("not a DSN") from None
        return cls(str(parts.get("dbname", "")), bool(parts.get("password")))


def redacted(dsn: SecretStr) -> str:
    """The DSN as it may be shown: without its password, and without anything at all where it cannot be parsed."""
    try:
        parts = conninfo_to_dict(dsn.reveal())
    except psycopg.ProgrammingError:
        return "(unparsable DSN)"
    return make_conninfo(**{key: str(value) for key, value in parts.items() if key != "password"})


@asynccontextmanager
async def pool(config: Config) -> AsyncIterator[Pool]:
    """The pool, open. A database that is away fails no start: callers get `DatastoreUnavailable` until it is back."""
    opened: Pool = AsyncConnectionPool(
        config.conninfo,
        min_size=config.min_size,
        max_size=config.max_size,
        max_idle=config.idle.total_seconds(),
        timeout=config.wait.total_seconds(),
        check=_Checker(config.check),
        configure=_configure,
        open=False,
        name=config.application,
    )
    await opened.open(wait=False)
    log.info("postgres_pool_opened", dsn=redacted(config.dsn))
    try:
        yield opened
    finally:
        await opened.close()


@asynccontextmanager
async def connection(pool: Pool) -> AsyncIterator[Connection]:
    """A connection in autocommit mode, or to begin a transaction on. Outages surface as `DatastoreUnavailable`."""
    try:
        async with pool.connection() as held:
            with _cut_after(LONGEST_USE, held):
                yield held
    except (DeadlockDetected, SerializationFailure) as collision:
        raise TransactionContended from collision
    except OUTAGES as outage:
        raise DatastoreUnavailable from outage


@contextmanager
def _cut_after(seconds: float, held: Connection) -> Iterator[None]:
    """Cut the connection if the block is not left by then: whoever waits on it meets the end of the conversation."""
    cut = asyncio.get_running_loop().call_later(seconds, _cut, held)
    try:
        yield
    finally:
        cut.cancel()


def _cut(held: Connection) -> None:
    # The descriptor stays open until the driver closes it: a number that is used anew would be somebody else's line.
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(held.fileno())) as line:
        log.warning("postgres_connection_cut")
        line.shutdown(socket.SHUT_RDWR)


OUTAGES = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed, TooManyRequests, ConnectionError)
"""What the driver raises when the server is away, restarting, or gone in the middle of a conversation."""


class _Checker:
    """Tests a connection that idled for longer than `after`, so that a busy pool pays no extra round trip."""

    def __init__(self, after: timedelta) -> None:
        self._after = after.total_seconds()
        self._lent: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()

    async def __call__(self, connection: Connection) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._lent.get(connection, now) > self._after:
            with _cut_after(LONGEST_CHECK, connection):
                await AsyncConnectionPool.check_connection(connection)
        self._lent[connection] = now


async def _configure(connection: Connection) -> None:
    set_json_loads(orjson.loads, connection)
    await connection.set_autocommit(True)
    await connection.execute("SET statement_timeout = '10s'")
    await connection.execute("SET idle_in_transaction_session_timeout = '30s'")


async def check(pool: Pool) -> None:
    """Readiness: raises `DatastoreUnavailable` unless a statement can be run."""
    async with connection(pool) as held:
        await held.execute("SELECT 1")
