"""A load generator for HTTP/1.1 over loopback: prepared request bytes in, counted answers out.

It speaks the least HTTP that can be spoken, so that on a machine of two cores it is the server that is measured.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable

from attrs import Factory, define, frozen


@frozen(kw_only=True)
class Measured:
    """What came back: answers by status, seconds they took in all, and each one's latency in seconds."""

    statuses: Counter[int]
    seconds: float
    latencies: tuple[float, ...]

    @property
    def per_second(self) -> float:
        return sum(self.statuses.values()) / self.seconds

    def quantile(self, q: float) -> float:
        """The latency that a share `q` of the answers did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(q * len(ordered)))]

    def only(self, status: int) -> "Measured":
        """The same, after making sure that nothing else came back."""
        if set(self.statuses) != {status}:
            raise AssertionError(f"expected only {status}, got {dict(self.statuses)}")
        return self


def request(method: str, path: str, *, host: str, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    """The bytes of a request on a connection that stays open."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def drive(
    address: str, next_request: Callable[[], bytes | None], *, connections: int, seconds: float
) -> Measured:
    """Keep `connections` requests under way for `seconds`, or until `next_request` gives None."""
    host, port = address.removeprefix("http://").split(":")
    tally = _Tally(deadline=time.perf_counter() + seconds, next_request=next_request)
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    clients = [(await loop.create_connection(lambda: _Client(tally), host, int(port)))[1] for _ in range(connections)]
    await asyncio.gather(*(client.done for client in clients))
    return Measured(statuses=tally.statuses, seconds=time.perf_counter() - started, latencies=tuple(tally.latencies))


@define
class _Tally:
    deadline: float
    next_request: Callable[[], bytes | None]
    statuses: Counter[int] = Factory(Counter)
    latencies: list[float] = Factory(list)


class _Client(asyncio.Protocol):
    def __init__(self, tally: _Tally) -> None:
        self._tally = tally
        self._buffer = b""
        self._sent = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._buffer[:head_end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < head_end + 4 + length:
            return
        self._tally.statuses[int(head[9:12])] += 1
        self._tally.latencies.append(time.perf_counter() - self._sent)
        self._buffer = self._buffer[head_end + 4 + length :]
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))

    def _send(self) -> None:
        request = self._tally.next_request() if time.perf_counter() < self._tally.deadline else None
        if request is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)
