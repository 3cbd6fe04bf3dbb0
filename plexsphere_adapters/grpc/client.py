"""Core's side: a `Signer` over gRPC.

The channel reconnects by itself. A call waits for the connection within its deadline, and is repeated within it when
the connection breaks, which is safe because every call is idempotent; so a restart of the signer that is shorter than
the deadline goes unnoticed, and a longer one is `SigningUnavailable` until it is over.
"""

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final, TypeVar, cast

import grpc
import structlog
from attrs import frozen
from google.protobuf.message import Message
from opentelemetry.trace import SpanKind

from plexsphere_adapters.grpc import codec, signer_pb2_grpc
from plexsphere_adapters.grpc import signer_pb2 as pb
from plexsphere_adapters.grpc.occasion import outgoing, tracer
from plexsphere_adapters.grpc.tls import SIGNER, TlsMaterial
from plexsphere_adapters.metrics.signing import CLIENT_SECONDS
from plexsphere_domain.kernel.errors import DomainError
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.signing.errors import KidNotActive, NoSigningKey, SigningKeyUnusable, SigningUnavailable
from plexsphere_domain.signing.model import KeyRing, Kid, PublicKey, SignBatch, SignedBatch

log = structlog.get_logger(__name__)

DEADLINE: Final = 3.0
"""Seconds that a call may take, waiting for the connection included."""

_RETRIES: Final = {
    "methodConfig": [
        {
            "name": [{"service": "plexsphere.signer.v1.Signer"}],
            "waitForReady": True,
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.05s",
                "maxBackoff": "0.5s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}

_OPTIONS: Final = (
    ("grpc.ssl_target_name_override", SIGNER),
    ("grpc.max_receive_message_length", codec.MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", codec.MAX_MESSAGE_BYTES),
    ("grpc.enable_retries", 1),
    ("grpc.service_config", json.dumps(_RETRIES)),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.enable_http_proxy", 0),
)

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)


@frozen
class GrpcSigner:
    """A `Signer` in another process."""

    stub: "signer_pb2_grpc.SignerAsyncStub"
    deadline: float = DEADLINE

    async def sign(self, batch: SignBatch) -> SignedBatch:
        request = codec.encode_batch(batch)
        with _answers_for(batch.domain, batch.kid):
            return codec.decode_signed(await self._ask("Sign", self.stub.Sign, request), batch)

    async def public_keys(self, domain: DomainId) -> KeyRing:
        request = pb.GetPublicKeysRequest(domain_id=codec.encode_domain(domain))
        with _answers_for(domain):
            answer = await self._ask("GetPublicKeys", self.stub.GetPublicKeys, request)
            return codec.decode_ring(domain, answer.keys)

    async def ensure_key(self, domain: DomainId) -> PublicKey:
        request = pb.EnsureKeyRequest(domain_id=codec.encode_domain(domain))
        with _answers_for(domain):
            return codec.decode_key((await self._ask("EnsureKey", self.stub.EnsureKey, request)).key)

    async def _ask(
        self, call: str, method: "grpc.aio.UnaryUnaryMultiCallable[Request, Response]", request: Request
    ) -> Response:
        with CLIENT_SECONDS.labels(call).time(), tracer.start_as_current_span(f"signer.{call}", kind=SpanKind.CLIENT):
            return await method(request, timeout=self.deadline, metadata=outgoing())


@asynccontextmanager
async def connect(endpoint: str, tls: TlsMaterial, *, deadline: float = DEADLINE) -> AsyncIterator[GrpcSigner]:
    """The signer at `endpoint` (`host:port`), which must show a certificate for `signer`; connected to when needed."""
    async with grpc.aio.secure_channel(endpoint, tls.channel_credentials(), options=_OPTIONS) as channel:
        yield GrpcSigner(signer_pb2_grpc.SignerStub(channel), deadline)


@contextmanager
def _answers_for(domain: DomainId, kid: Kid | None = None) -> Iterator[None]:
    """Turns what goes wrong with a call into the domain error that it stands for."""
    try:
        yield
    except grpc.aio.AioRpcError as failure:
        raise _refusal(failure, domain, kid) from failure
    except (DomainError, ValueError) as malformed:
        log.exception("signer_answer_malformed")
        raise SigningUnavailable from malformed


def _refusal(failure: grpc.aio.AioRpcError, domain: DomainId, kid: Kid | None) -> DomainError:
    """Our own refusals are told by their code; whatever else ends a call is an outage."""
    trailers = cast("Iterable[tuple[str, str | bytes]]", failure.trailing_metadata() or ())
    code = dict(trailers).get(codec.CODE_KEY)
    if code == NoSigningKey.code:
        return NoSigningKey(domain)
    if code == KidNotActive.code:
        return KidNotActive(str(kid))
    if code == SigningKeyUnusable.code:
        return SigningKeyUnusable(domain)
    log.warning("signer_call_failed", status=failure.code().name, detail=failure.details())
    return SigningUnavailable()
