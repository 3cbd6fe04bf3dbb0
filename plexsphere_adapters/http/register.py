"""The redemption of bootstrap tokens: a machine becomes a Node. Part of the tag `bootstrap-tokens`."""

from base64 import b64encode
from typing import Annotated, Self
from uuid import UUID

import orjson

from plexsphere_adapters.http.admission import OPEN
from plexsphere_adapters.http.operation import KIB, Call, Operation, created, operation
from plexsphere_adapters.http.wire import Expected, Length, Once, Pattern, Shown, wire
from plexsphere_domain.identity.bootstrap_tokens.errors import (
    KindMismatch,
    NonceCollision,
    ProjectMismatch,
    TokenConsumed,
    TokenExpired,
    TokenMalformed,
    TokenRevoked,
    TokenUnknown,
)
from plexsphere_domain.identity.registration.errors import EnrolmentProjectNotFound, HandleNotFound, InvariantViolation
from plexsphere_domain.identity.registration.model import MAX_TEXT, RegisteredNode, RegisterNode
from plexsphere_domain.identity.registration.service import Occasion, Registration
from plexsphere_domain.kernel.secrets import SecretStr
from plexsphere_domain.mesh.addresses.errors import AllocatorContention, PoolExhausted, SubrangeExhausted
from plexsphere_domain.mesh.nodes.public_key import PublicKeyInvalid

CIDR = r"^([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}$|^[0-9a-fA-F:]+/[0-9]{1,3}$"

CAP = 96 * KIB
"""Room for four members of `MAX_TEXT` characters, each of up to four bytes."""

PublicKeyText = Annotated[str, Length(44, 44), Pattern(r"^[A-Za-z0-9+/]{43}=$")]
FreeText = Annotated[str, Length(1, MAX_TEXT), Expected()]


@wire
class RegisterRequest:
    """What a machine presents. Absent members are refused like blank ones, each with the code of its check."""

    project_id: Annotated[str, Shown(UUID), Expected()] = ""
    resource_handle: FreeText = ""
    bootstrap_token: FreeText = ""
    nonce: FreeText = ""
    public_key: Annotated[str, Length(44, 44), Pattern(r"^[A-Za-z0-9+/]{43}=$"), Expected()] = ""
    requested_resource_id: Annotated[str, Length(0, MAX_TEXT)] = ""

    def command(self) -> RegisterNode:
        return RegisterNode(
            project_id=self.project_id,
            resource_handle=self.resource_handle,
            bootstrap_token=SecretStr(self.bootstrap_token),
            nonce=SecretStr(self.nonce),
            public_key=self.public_key,
            requested_resource_id=self.requested_resource_id,
        )


@wire
class RegisterPeer:
    """Another Node of the Domain."""

    node_id: UUID
    mesh_ip: Annotated[str, Length(1)]
    public_key: PublicKeyText
    fallback_endpoint: str | None = None


@wire
class RegisterResponse:
    """What the new Node is told; its key is never told again."""

    node_id: UUID
    mesh_ip: Annotated[str, Length(1)]
    signing_public_key: Annotated[str, Length(1)]
    signing_key_id: Annotated[str, Length(1)]
    nsk: Annotated[str, Length(1), Once()]
    peer_snapshot: Annotated[orjson.Fragment, Shown(tuple[RegisterPeer, ...])]
    domain_mesh_cidr: Annotated[str, Length(1, 49), Pattern(CIDR)]

    @classmethod
    def of(cls, registered: RegisteredNode) -> Self:
        return cls(
            node_id=registered.node.id,
            mesh_ip=str(registered.node.mesh_ip),
            signing_public_key=b64encode(registered.signing_key.public_key).decode(),
            signing_key_id=registered.signing_key.kid,
            nsk=registered.nsk.encoded.reveal(),
            peer_snapshot=orjson.Fragment(registered.peers.encode()),
            domain_mesh_cidr=str(registered.domain_mesh_cidr),
        )


def _oversized(cap: int) -> InvariantViolation:
    return InvariantViolation("the body", f"must not be longer than {cap} bytes")


@operation(
    "POST",
    "/v1/register",
    id="PostRegister",
    tag="bootstrap-tokens",
    admission=OPEN,
    body=RegisterRequest,
    cap=CAP,
    oversized=_oversized,
    returns=created(RegisterResponse),
    problems=[
        PublicKeyInvalid,
        InvariantViolation,
        TokenMalformed,
        EnrolmentProjectNotFound,
        HandleNotFound,
        KindMismatch,
        ProjectMismatch,
        TokenUnknown,
        TokenConsumed,
        TokenExpired,
        TokenRevoked,
        NonceCollision,
        PoolExhausted,
        SubrangeExhausted,
        AllocatorContention,
    ],
)
async def register(call: Call[RegisterRequest], registration: Registration) -> RegisterResponse:
    """Redeem a bootstrap token: the machine becomes a Node."""
    actor = call.actor
    occasion = Occasion(correlation_id=actor.correlation_id, ip=actor.ip, user_agent=actor.user_agent)
    return RegisterResponse.of(await registration.register(call.body.command(), occasion))


OPERATIONS: tuple[Operation, ...] = (register,)
