"""The connection to NATS: a session with the stream in place, again and again, until the process ends.

A session is one connection from its start to its end. When it breaks, everything that lived on it (subscriptions,
consumers, outstanding acknowledgements) ends with it, at once and visibly, and a new one is made. Nothing is carried
over and nothing is buffered meanwhile: whoever uses the bus knows what it has and starts again from there.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, NoReturn
from urllib.parse import urlsplit, urlunsplit

import nats.errors
import structlog
from attrs import field, frozen
from nats.aio.client import Client
from nats.js import JetStreamContext

from plexsphere_adapters.jetstream.stream import ensure
from plexsphere_domain.kernel.secrets import SecretStr
from plexsphere_domain.mesh.bus.errors import EventStreamUnavailable

log = structlog.get_logger(__name__)

FAILURES: Final = (nats.errors.Error, OSError, TimeoutError)
"""What the driver raises when the server is away, or refuses."""

CONNECT_TIMEOUT: Final = 2
REQUEST_TIMEOUT: Final = 5.0
PING_INTERVAL: Final = 5
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0
_CANCELLATION: Final = 0.1
"""Seconds that a cancellation has to be heeded before it is repeated."""

_WATCH: Final = 0.5


@frozen(kw_only=True)
class Config:
    """How to reach NATS: one URL or several, separated by commas. `replicas` are the copies of the stream."""

    url: SecretStr
    replicas: int = 3
    name: str = "plexsphere"

    @property
    def servers(self) -> list[str]:
        return [server.strip() for server in self.url.reveal().split(",")]


def redacted(url: SecretStr) -> str:
    """The URLs as they may be shown: without user, password and token."""
    return ",".join(_without_user(server.strip()) for server in url.reveal().split(","))


@contextmanager
def outages() -> Iterator[None]:
    """Whatever fails in the block because of NATS is EventStreamUnavailable."""
    try:
        yield
    except FAILURES as failure:
        raise EventStreamUnavailable from failure


@frozen(eq=False)
class Session:
    """One connection with the stream in place. `over` is done when it ended."""

    client: Client
    js: JetStreamContext
    over: "asyncio.Future[None]" = field(repr=False)

    def end(self) -> None:
        """Give the session up, because the stream does not answer on it as it should."""
        if not self.over.done():
            self.over.set_result(None)


class Bus:
    """Keeps a session. `run` has to be under way for there to be any."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._session: Session | None = None
        self._arrived = asyncio.Event()

    @property
    def session(self) -> Session:
        """The session of this moment; raises EventStreamUnavailable when there is none."""
        if self._session is None or self._session.over.done():
            raise EventStreamUnavailable
        return self._session

    async def next_session(self) -> Session:
        """A session, as soon as there is one."""
        while True:
            await self._arrived.wait()
            with suppress(EventStreamUnavailable):
                return self.session
            self._arrived.clear()

    async def probe(self) -> None:
        """Raises EventStreamUnavailable unless JetStream answers."""
        with outages():
            await self.session.js.account_info()

    async def run(self) -> NoReturn:
        """Connect until cancelled."""
        pause = _FIRST_PAUSE
        while True:
            try:
                async with self._connected() as session:
                    pause = _FIRST_PAUSE
                    await _ended(session)
                    log.warning("nats_session_ended", servers=redacted(self._config.url))
            except FAILURES as failure:
                log.warning("nats_unavailable", servers=redacted(self._config.url), reason=_reason(failure))
            except Exception:
                log.exception("nats_session_faulted")
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Session]:
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        client = Client()
        try:
            await self._connect(client, over)
            session = Session(client, client.jetstream(timeout=REQUEST_TIMEOUT), over)
            await ensure(session.js, self._config.replicas)
            log.info("nats_session_began", servers=redacted(self._config.url))
            self._session = session
            self._arrived.set()
            yield session
        finally:
            self._session = None
            if not over.done():
                over.set_result(None)
            with suppress(*FAILURES):
                await client.close()

    async def _connect(self, client: Client, over: "asyncio.Future[None]") -> None:
        async def note(failure: Exception) -> None:
            log.debug("nats_error", reason=_reason(failure))

        async def closed() -> None:
            if not over.done():
                over.set_result(None)

        await client.connect(
            servers=self._config.servers,
            name=self._config.name,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=CONNECT_TIMEOUT,
            ping_interval=PING_INTERVAL,
            pending_size=0,
            error_cb=note,
            closed_cb=closed,
        )


@asynccontextmanager
async def connect(config: Config) -> AsyncIterator[Bus]:
    """A bus. A NATS that is away does not fail the start: callers get EventStreamUnavailable until it is there."""
    bus = Bus(config)
    running = asyncio.create_task(bus.run())
    try:
        yield bus
    finally:
        # The driver may swallow a cancellation while it connects: it is told until it heeds.
        while not running.done():
            running.cancel()
            await asyncio.wait([running], timeout=_CANCELLATION)


async def _ended(session: Session) -> None:
    """Return when the session is over. The driver may stop without a word, so it is looked after as well."""
    while session.client.is_connected and not session.over.done():
        await asyncio.wait([session.over], timeout=_WATCH)


def _without_user(server: str) -> str:
    parts = urlsplit(server)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _reason(failure: BaseException) -> str:
    description = getattr(failure, "description", None)
    return f"{type(failure).__name__}: {description}" if description else type(failure).__name__
