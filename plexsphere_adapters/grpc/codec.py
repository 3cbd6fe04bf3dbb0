"""Between protobuf messages and the signing model. Decoding raises an Invalid or ValueError for what is malformed."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from plexsphere_adapters.grpc import signer_pb2 as pb
from plexsphere_domain.kernel.ids import DomainId, parse_id
from plexsphere_domain.signing.model import (
    MAX_BATCH_BYTES,
    MAX_MESSAGES,
    SIGNATURE_BYTES,
    KeyRing,
    Kid,
    PublicKey,
    SignBatch,
    SignedBatch,
)

MAX_MESSAGE_BYTES: Final = MAX_BATCH_BYTES + 16 * MAX_MESSAGES + 4096
"""The size of the largest request: the largest batch, with its framing and the other fields."""

CODE_KEY: Final = "plexsphere-code"
"""The trailing metadata that tells a refusal of ours from a failure of the transport."""


def encode_domain(domain: DomainId) -> bytes:
    return domain.bytes


def decode_domain(raw: bytes) -> DomainId:
    return DomainId(parse_id(str(UUID(bytes=raw))))


def encode_key(key: PublicKey) -> pb.PublicKey:
    return pb.PublicKey(kid=str(key.kid), public_key=key.raw)


def decode_key(message: pb.PublicKey) -> PublicKey:
    return PublicKey(Kid.parse(message.kid), message.public_key)


def decode_ring(domain: DomainId, messages: Iterable[pb.PublicKey]) -> KeyRing:
    return KeyRing(domain, tuple(decode_key(message) for message in messages))


def encode_batch(batch: SignBatch) -> pb.SignRequest:
    return pb.SignRequest(
        domain_id=encode_domain(batch.domain),
        messages=batch.messages,
        kid="" if batch.kid is None else str(batch.kid),
    )


def decode_batch(message: pb.SignRequest) -> SignBatch:
    kid = Kid.parse(message.kid) if message.kid else None
    return SignBatch(decode_domain(message.domain_id), tuple(message.messages), kid)


def decode_signed(message: pb.SignResponse, batch: SignBatch) -> SignedBatch:
    """The answer to `batch`; raises ValueError where it does not fit the question."""
    signed = SignedBatch(Kid.parse(message.kid), tuple(message.signatures))
    if len(signed.signatures) != len(batch.messages) or any(len(s) != SIGNATURE_BYTES for s in signed.signatures):
        raise ValueError("the answer does not hold one signature for each message")
    if batch.kid not in (None, signed.kid):
        raise ValueError("the answer is signed with another key than the one asked for")
    return signed
