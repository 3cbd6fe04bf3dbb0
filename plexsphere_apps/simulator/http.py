"""HTTP/1.1 as plexd speaks it, lean enough for thousands of agents in one process.

Agents share the idle connections of one `Origin`: every request carries its own credential, so it does not matter on
which connection it travels. Streams have a connection of their own.
"""

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import h11
from attrs import field, frozen

READ = 65_536
MAX_INFLATED = 10 * 1024 * 1024
IDLE_CONNECTIONS = 128

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class NetworkFailure(Exception):
    """No answer: refused, cut, timed out, or not HTTP."""


@frozen
class Request:
    """`headers` are those beyond Host, Content-Length and plexd's constant ones."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default=NO_HEADERS, repr=False)
    body: bytes = field(default=b"", repr=False)


@frozen
class Answer:
    """Header names are lower-case. `body` is inflated."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def retry_after(self) -> float | None:
        """Whole seconds; the date form counts as nothing."""
        text = self.headers.get("retry-after", "")
        return float(text) if text.isascii() and text.isdigit() else None


class Origin:
    """One base URL, and the connections to it."""

    def __init__(self, base_url: str, *, agent: str = "plexd/sim", connect: float = 10.0) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise ValueError(f"{base_url} is no http or https URL")
        self._host = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._prefix = parts.path.rstrip("/")
        self._connect_timeout = connect
        self._constant = [
            ("Host", parts.netloc.rpartition("@")[2]),
            ("User-Agent", agent),
            ("Accept-Encoding", "gzip"),
        ]
        self._idle: list[_Connection] = []

    async def send(self, request: Request, *, timeout: float) -> Answer:
        """The whole answer within `timeout` seconds; raises NetworkFailure."""
        try:
            async with asyncio.timeout(timeout):
                return await self._send(request)
        except (OSError, TimeoutError, h11.ProtocolError, zlib.error) as failure:
            raise NetworkFailure(f"{type(failure).__name__}: {failure}") from failure

    @asynccontextmanager
    async def stream(self, request: Request, *, timeout: float) -> AsyncIterator["Stream"]:
        """An answer whose body is read while it comes. `timeout` bounds the wait for its head."""
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(timeout):
                    connection = await self._connect()
                    stack.callback(connection.close)
                    connection.write(self._head(request), request.body)
                    head = await connection.response()
            except (OSError, TimeoutError, h11.ProtocolError) as failure:
                raise NetworkFailure(f"{type(failure).__name__}: {failure}") from failure
            yield Stream(head.status_code, _headers(head), connection)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    async def _send(self, request: Request) -> Answer:
        while True:
            connection, kept = await self._acquire()
            try:
                connection.write(self._head(request), request.body)
                head = await connection.response()
            except (ConnectionError, h11.RemoteProtocolError):
                connection.close()
                if kept:  # the server closed an idle connection while we wrote to it: it has seen nothing
                    continue
                raise
            except BaseException:
                connection.close()
                raise
            return await self._finish(connection, head)

    async def _finish(self, connection: "_Connection", head: h11.Response) -> Answer:
        try:
            body = await connection.body()
        except BaseException:
            connection.close()
            raise
        if connection.reusable() and len(self._idle) < IDLE_CONNECTIONS:
            self._idle.append(connection)
        else:
            connection.close()
        headers = _headers(head)
        return Answer(head.status_code, headers, _inflated(headers, body))

    async def _acquire(self) -> tuple["_Connection", bool]:
        while self._idle:
            connection = self._idle.pop()
            if connection.alive():
                return connection, True
            connection.close()
        return await self._connect(), False

    async def _connect(self) -> "_Connection":
        async with asyncio.timeout(self._connect_timeout):
            reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls, limit=READ)
        return _Connection(reader, writer)

    def _head(self, request: Request) -> h11.Request:
        headers = [*self._constant, *request.headers.items()]
        if "Accept" not in request.headers:
            headers.append(("Accept", "application/json"))
        if request.body or request.method in ("POST", "PUT", "PATCH"):
            headers.append(("Content-Length", str(len(request.body))))
        return h11.Request(method=request.method, target=self._prefix + request.path, headers=headers)


@frozen
class Stream:
    """An answer under way."""

    status: int
    headers: Mapping[str, str]
    _connection: "_Connection" = field(repr=False, alias="connection")

    async def read(self, *, idle: float) -> bytes | None:
        """What comes next, None at the end. Raises TimeoutError after `idle` seconds without a byte."""
        async with asyncio.timeout(idle):
            return await self._connection.data()

    async def answer(self, *, timeout: float) -> Answer:
        """The rest of it, for an answer that turned out to be no stream."""
        try:
            async with asyncio.timeout(timeout):
                body = await self._connection.body()
        except (OSError, TimeoutError, h11.ProtocolError):
            body = b""
        return Answer(self.status, self.headers, _inflated(self.headers, body))


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = h11.Connection(h11.CLIENT)

    def write(self, head: h11.Request, body: bytes) -> None:
        """Hands request and body to the socket; its buffer takes what plexd sends."""
        sent = self._protocol.send(head) or b""
        if body:
            sent += self._protocol.send(h11.Data(data=body)) or b""
        sent += self._protocol.send(h11.EndOfMessage()) or b""
        self._writer.write(sent)

    async def response(self) -> h11.Response:
        while True:
            event = await self._event()
            if isinstance(event, h11.Response):
                return event
            if isinstance(event, h11.ConnectionClosed):
                raise ConnectionResetError("closed before the answer")

    async def data(self) -> bytes | None:
        """The next piece of the body, None at its end."""
        event = await self._event()
        return bytes(event.data) if isinstance(event, h11.Data) else None

    async def body(self) -> bytes:
        pieces = []
        while (piece := await self.data()) is not None:
            pieces.append(piece)
        return b"".join(pieces)

    def reusable(self) -> bool:
        if self._protocol.our_state is not h11.DONE or self._protocol.their_state is not h11.DONE:
            return False
        self._protocol.start_next_cycle()
        return True

    def alive(self) -> bool:
        return not self._reader.at_eof() and not self._writer.is_closing()

    def close(self) -> None:
        self._writer.close()

    async def _event(self) -> Any:
        while True:
            event = self._protocol.next_event()
            if event is not h11.NEED_DATA:
                return event
            self._protocol.receive_data(await self._reader.read(READ))


def _headers(head: h11.Response) -> Mapping[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}


def _inflated(headers: Mapping[str, str], body: bytes) -> bytes:
    if headers.get("content-encoding", "").lower() != "gzip":
        return body
    inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
    inflated = inflater.decompress(body, MAX_INFLATED)
    if inflater.unconsumed_tail:
        raise zlib.error("the body inflates beyond its cap")
    return inflated
