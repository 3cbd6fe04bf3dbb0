"""Core's side: a `Signer` over gRPC.

The channel reconnects by itself. A call waits for the connection within its deadline, and is repeated within it when
the connection breaks, which is safe because every call is idempotent; so a restart of the signer that is shorter than
the deadline goes unnoticed, and a longer one is `SigningUnavailable` until it is over.
"""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final, TypeVar, cast

import grpc
import structlog
from attrs import frozen
from google.protobuf.message import Message

from plexsphere_adapters.grpc import codec, signer_pb2_grpc
from plexsphere_adapters.grpc import signer_pb2 as pb
from plexsphere_adapters.grpc.tls import SIGNER, TlsMaterial
from plexsphere_domain.kernel.errors import DomainError
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.signing.errors import BatchTooLarge, KidNotActive, NoSigningKey, SigningUnavailable
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
        try:
            answer = await self.stub.Sign(codec.encode_batch(batch), timeout=self.deadline)
            return codec.decode_signed(answer, batch)
        except (grpc.aio.AioRpcError, DomainError, ValueError) as failure:
            raise _refusal(failure, batch.domain, batch.kid) from failure

    async def public_keys(self, domain: DomainId) -> KeyRing:
        request = pb.GetPublicKeysRequest(domain_id=codec.encode_domain(domain))
        try:
            answer = await self.stub.GetPublicKeys(request, timeout=self.deadline)
            return codec.decode_ring(domain, answer.keys)
        except (grpc.aio.AioRpcError, DomainError, ValueError) as failure:
            raise _refusal(failure, domain) from failure

    async def ensure_key(self, domain: DomainId) -> PublicKey:
        request = pb.EnsureKeyRequest(domain_id=codec.encode_domain(domain))
        try:
            answer = await self.stub.EnsureKey(request, timeout=self.deadline)
            return codec.decode_key(answer.key)
        except (grpc.aio.AioRpcError, DomainError, ValueError) as failure:
            raise _refusal(failure, domain) from failure


@asynccontextmanager
async def connect(endpoint: str, tls: TlsMaterial, *, deadline: float = DEADLINE) -> AsyncIterator[GrpcSigner]:
    """The signer at `endpoint` (`host:port`), which must show a certificate for `signer`; connected to when needed."""
    async with grpc.aio.secure_channel(endpoint, tls.channel_credentials(), options=_OPTIONS) as channel:
        yield GrpcSigner(signer_pb2_grpc.SignerStub(channel), deadline)


def _refusal(failure: Exception, domain: DomainId, kid: Kid | None = None) -> DomainError:
    """The domain error that a failed call stands for; whatever is not a refusal of ours is an outage."""
    if isinstance(failure, grpc.aio.AioRpcError):
        trailers = cast("Iterable[tuple[str, str | bytes]]", failure.trailing_metadata())
        code = dict(trailers).get(codec.CODE_KEY)
        if code == NoSigningKey.code:
            return NoSigningKey(domain)
        if code == KidNotActive.code:
            return KidNotActive(str(kid))
        if code == BatchTooLarge.code:
            return BatchTooLarge("less than that")
        log.warning("signer_call_failed", status=failure.code().name, detail=failure.details())
    else:
        log.error("signer_answer_malformed", error=type(failure).__name__)
    return SigningUnavailable()
