"""The gRPC port in front of the engine: checks the preshared key and passes raw message bytes on.

A call the engine has a function for runs in a thread. Every other call, streaming or not, is forwarded to the engine's
socket with its deadline, and comes back with its status and trailing metadata. The health check needs no key, as with
SpiceDB itself.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias

import grpc
from attrs import define, field, frozen
from grpc import aio

from plexsphere_apps.embedded.spicedb.engine import FUNCTIONS, Engine, EngineRefused

HEALTH: Final = "/grpc.health.v1.Health/Check"
SERVING: Final = b"\x08\x01"
"""`HealthCheckResponse(status=SERVING)`."""

SIZE_LIMIT: Final = 64 * 1024 * 1024
OPTIONS: Final = [("grpc.max_receive_message_length", SIZE_LIMIT), ("grpc.max_send_message_length", SIZE_LIMIT)]

THREADS: Final = 16

Handler: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"
Context: TypeAlias = "aio.ServicerContext[Any, Any]"
Metadata: TypeAlias = Sequence[tuple[str, str | bytes]]


@frozen
class Denied(Exception):
    """The call does not carry the preshared key."""

    code: grpc.StatusCode
    text: str


def require_key(key: bytes, metadata: Metadata) -> None:
    """Raise `Denied` unless the metadata carry `authorization: Bearer KEY`. The comparison takes constant time."""
    presented = next((value for name, value in metadata if name.lower() == "authorization"), None)
    if presented is None:
        raise Denied(grpc.StatusCode.UNAUTHENTICATED, "missing preshared key")
    given = presented if isinstance(presented, bytes) else presented.encode()
    scheme, _, token = given.partition(b" ")
    if scheme.lower() != b"bearer" or not hmac.compare_digest(token, key):
        raise Denied(grpc.StatusCode.PERMISSION_DENIED, "invalid preshared key")


@define
class Front(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in its stubs alone
    """Handles every method of every service."""

    engine: Engine
    key: bytes
    threads: ThreadPoolExecutor = field(factory=lambda: ThreadPoolExecutor(THREADS, "spicedb"))
    channel: aio.Channel = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.channel = aio.insecure_channel(f"unix://{self.engine.socket}", options=OPTIONS)

    def service(self, details: grpc.HandlerCallDetails) -> "Handler":
        """The handler of a call; messages pass as bytes, for no (de)serialiser is named."""
        method: str = details.method
        if method == HEALTH:
            return grpc.unary_unary_rpc_method_handler(healthy)
        try:
            require_key(self.key, details.invocation_metadata)
        except Denied as denied:
            return refusing(denied)
        if method in FUNCTIONS:
            return grpc.unary_unary_rpc_method_handler(self._answering(method))
        return grpc.stream_stream_rpc_method_handler(self._forwarding(method))

    def _answering(self, method: str) -> Callable[[bytes, Context], Awaitable[bytes]]:
        async def answer(request: bytes, context: Context) -> bytes:
            loop = asyncio.get_running_loop()
            try:
                return await loop.run_in_executor(self.threads, self.engine.call, method, request)
            except EngineRefused as refused:
                await context.abort(refused.code, refused.text)

        return answer

    def _forwarding(self, method: str) -> Callable[[AsyncIterator[bytes], Context], AsyncIterator[bytes]]:
        async def forward(requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
            call = self.channel.stream_stream(method, None, None)(requests, timeout=context.time_remaining())
            try:
                async for response in call:
                    yield response
                context.set_trailing_metadata(await call.trailing_metadata())
            except aio.AioRpcError as failure:
                await context.abort(failure.code(), failure.details() or "", plain(failure.trailing_metadata()))
            finally:
                call.cancel()

        return forward


def plain(metadata: Iterable[Any]) -> Metadata:
    """The metadata of an answer in the form in which a server gives them on."""
    return tuple((name, value) for name, value in metadata)


async def healthy(request: bytes, context: Context) -> bytes:
    """The answer of a health check."""
    return SERVING


def refusing(denied: Denied) -> "Handler":
    """The handler of a call that is refused before its first message is looked at."""

    async def refuse(requests: AsyncIterator[bytes], context: Context) -> None:
        await context.abort(denied.code, denied.text)

    return grpc.stream_stream_rpc_method_handler(refuse)
