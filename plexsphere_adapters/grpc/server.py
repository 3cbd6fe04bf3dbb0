"""The signer's side: answers core, and nobody else."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias, cast

import grpc
import structlog
from attrs import frozen
from google.protobuf.message import Message

from plexsphere_adapters.grpc import codec, signer_pb2_grpc
from plexsphere_adapters.grpc import signer_pb2 as pb
from plexsphere_adapters.grpc.occasion import incoming
from plexsphere_adapters.grpc.tls import CORE, TlsMaterial
from plexsphere_adapters.metrics.signing import CALLS, SIGNATURES
from plexsphere_domain.kernel.errors import Conflict, DomainError, Invalid, NotFound, TooLarge, Unavailable
from plexsphere_domain.signing.ports import Signer

log = structlog.get_logger(__name__)

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Context = grpc.aio.ServicerContext[Any, Any]
Behaviour = Callable[[Any, Context], Awaitable[Message]]

LONGEST_CALL: Final = 10.0
"""Seconds after which a call is given up whatever deadline its caller set."""

_STATUS: Final[tuple[tuple[type[DomainError], grpc.StatusCode], ...]] = (
    (Invalid, grpc.StatusCode.INVALID_ARGUMENT),
    (TooLarge, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (NotFound, grpc.StatusCode.NOT_FOUND),
    (Conflict, grpc.StatusCode.FAILED_PRECONDITION),
    (Unavailable, grpc.StatusCode.UNAVAILABLE),
)

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", codec.MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", codec.MAX_MESSAGE_BYTES),
    ("grpc.max_metadata_size", 8 * 1024),
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


class AddressTaken(OSError):
    """The address cannot be listened on."""


@frozen
class SignerServicer(signer_pb2_grpc.SignerServicer):
    """The three calls over a `Signer`. They raise domain errors; `Door` turns those into statuses."""

    signer: Signer

    async def Sign(self, request: pb.SignRequest, context: object) -> pb.SignResponse:  # noqa: N802
        signed = await self.signer.sign(codec.decode_batch(request))
        SIGNATURES.inc(len(signed.signatures))
        return pb.SignResponse(kid=str(signed.kid), signatures=signed.signatures)

    async def GetPublicKeys(  # noqa: N802
        self, request: pb.GetPublicKeysRequest, context: object
    ) -> pb.GetPublicKeysResponse:
        ring = await self.signer.public_keys(codec.decode_domain(request.domain_id))
        return pb.GetPublicKeysResponse(keys=[codec.encode_key(key) for key in ring.keys])

    async def EnsureKey(self, request: pb.EnsureKeyRequest, context: object) -> pb.EnsureKeyResponse:  # noqa: N802
        key = await self.signer.ensure_key(codec.decode_domain(request.domain_id))
        return pb.EnsureKeyResponse(key=codec.encode_key(key))


@frozen
class Refusal:
    """How a call ends that is not answered."""

    status: grpc.StatusCode
    detail: str
    code: str = ""

    @property
    def outcome(self) -> str:
        return self.code or self.status.name.lower()


@frozen
class Door(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # it is no generic class at run time
    """Stands before every call: lets in the one client whose certificate names it, and words every refusal."""

    client: str

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        handler: Handler | None = await continuation(handler_call_details)
        if handler is None:
            return handler  # type: ignore[return-value]  # None is answered as an unknown method
        assert handler.unary_unary is not None
        behaviour: Behaviour = cast("Behaviour", handler.unary_unary)
        call = str(handler_call_details.method).rpartition("/")[2]

        async def guarded(request: Message, context: Context) -> Message:
            with incoming(call, context.invocation_metadata()):
                answer = await self._answer(behaviour, request, context)
            CALLS.labels(call, answer.outcome if isinstance(answer, Refusal) else "answered").inc()
            if isinstance(answer, Refusal):
                await context.abort(answer.status, answer.detail, ((codec.CODE_KEY, answer.code),))
            return answer

        return grpc.unary_unary_rpc_method_handler(
            guarded,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    async def _answer(self, behaviour: Behaviour, request: Message, context: Context) -> Message | Refusal:
        if self.client.encode() not in context.auth_context().get("x509_subject_alternative_name", ()):
            log.warning("signer_client_refused", peer=context.peer())
            return Refusal(grpc.StatusCode.PERMISSION_DENIED, f"this door is for {self.client}")
        try:
            async with asyncio.timeout(LONGEST_CALL):
                return await behaviour(request, context)
        except DomainError as refusal:
            return Refusal(_status(refusal), refusal.detail, refusal.code)
        except TimeoutError:
            return Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "the call took too long")
        except ValueError:
            return Refusal(grpc.StatusCode.INVALID_ARGUMENT, "the request is malformed")
        except Exception:
            log.exception("signer_call_failed")
            return Refusal(grpc.StatusCode.INTERNAL, "internal error")


def _status(refusal: DomainError) -> grpc.StatusCode:
    return next((status for kind, status in _STATUS if isinstance(refusal, kind)), grpc.StatusCode.INTERNAL)


@asynccontextmanager
async def serve(signer: Signer, address: str, tls: TlsMaterial, *, grace: float) -> AsyncIterator[int]:
    """Serve at `address` (`host:port`, port 0 for a free one) as long as the block runs; yields the port.

    At the end new calls are refused, and those under way have `grace` seconds. Raises AddressTaken.
    """
    server = grpc.aio.server(interceptors=[Door(CORE)], options=_OPTIONS, maximum_concurrent_rpcs=1024)
    signer_pb2_grpc.add_SignerServicer_to_server(SignerServicer(signer), server)
    try:
        port = server.add_secure_port(address, tls.server_credentials())
    except RuntimeError as failure:
        raise AddressTaken(f"cannot listen on {address}: {_obstacle(address)}") from failure
    await server.start()
    try:
        yield port
    finally:
        await server.stop(grace)


def _obstacle(address: str) -> str:
    """What the system says to a listener at `address`; gRPC keeps that to itself."""
    host, _, port = address.rpartition(":")
    try:
        family, kind, protocol, _, bindable = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(bindable)
    except OSError as failure:
        return failure.strerror or type(failure).__name__
    return "gRPC does not say why"
