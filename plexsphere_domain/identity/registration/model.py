"""How a machine becomes a Node.

What is checked, in this order; nothing before the last step touches the token:
 1. the public key is a usable Curve25519 key,
 2. the other members are there, and can be what they are said to be,
 3. the token is spelled like one,
 4. the Project exists, and the handle names a Resource in it,
 5. the token is for this kind of Node and for this Project: both stand in its text,
 6. the token is one of ours (the one Argon2id run of a registration),
 7. it was not redeemed before, has not expired and was not revoked; its nonce is new in the Project,
 8. the Domain can sign what it will tell the Node,
 9. there is a free address.
Then, in one transaction, the token is redeemed, the address taken, and the Node with its key exists.

A Resource of the kind `bridge` is enrolled on with a bridge token, every other one with a node token.

The answer to a registration may get lost. A request that repeats it exactly (the same token, nonce, public key and
Resource) is answered as the first one was, Node Secret Key included, for `REPLAY_WINDOW` after the redemption: three
times as long as an agent retries. Whoever can repeat it exactly has the token and the nonce and thus everything that
the first answer needed, so within the window the repetition gives nothing away; the window keeps a request that leaks
later, from a disk or a log, from being a key to the Node for ever.
"""

from datetime import datetime, timedelta
from typing import Self

from attrs import field, frozen

from plexsphere_domain.identity.bootstrap_tokens.model import BootstrapToken, Nonce, Redeemed, TokenKind
from plexsphere_domain.identity.bootstrap_tokens.plaintext import TokenPlaintext
from plexsphere_domain.identity.registration.errors import InvariantViolation
from plexsphere_domain.kernel.ids import DomainId, NodeId, ProjectId, ResourceId, parse_id
from plexsphere_domain.kernel.secrets import SecretStr
from plexsphere_domain.mesh.addresses.model import Address, Network
from plexsphere_domain.mesh.nodes.model import Node
from plexsphere_domain.mesh.nodes.public_key import X25519PublicKey
from plexsphere_domain.mesh.nodes.secret_key import NodeSecretKey
from plexsphere_domain.mesh.state.directory import PeerView

REPLAY_WINDOW = timedelta(minutes=15)
MAX_TEXT = 4096

BRIDGE = "bridge"
"""The kind of Resource that takes bridge tokens."""


@frozen(kw_only=True)
class RegisterNode:
    """What a machine asks, as spelled. A member that is absent is empty here."""

    project_id: str
    resource_handle: str
    bootstrap_token: SecretStr
    nonce: SecretStr
    public_key: str
    requested_resource_id: str = ""


@frozen(kw_only=True)
class Application:
    """What a machine asks, understood (steps 1 to 3)."""

    project_id: ProjectId
    handle: str
    token: TokenPlaintext
    nonce: Nonce
    public_key: X25519PublicKey

    @classmethod
    def read(cls, command: RegisterNode) -> Self:
        """Raises PublicKeyInvalid, InvariantViolation or TokenMalformed: the first that applies."""
        public_key = X25519PublicKey.parse(command.public_key)
        project_id = _project(command.project_id)
        handle = _text("resource_handle", command.resource_handle)
        token = _text("bootstrap_token", command.bootstrap_token.reveal())
        nonce = _text("nonce", command.nonce.reveal())
        if command.requested_resource_id.strip():
            handle = _text("requested_resource_id", command.requested_resource_id)
        return cls(
            project_id=project_id,
            handle=handle,
            token=TokenPlaintext.parse(SecretStr(token)),
            nonce=Nonce.of(nonce),
            public_key=public_key,
        )


@frozen(kw_only=True)
class Placement:
    """Where a machine wants to enrol, looked up: a Resource, and the Domain that it is in."""

    domain_id: DomainId
    project_id: ProjectId
    resource_id: ResourceId
    resource_kind: str
    mesh_cidr: Network

    @property
    def token_kind(self) -> TokenKind:
        """The kind of token that enrols here."""
        return TokenKind.BRIDGE if self.resource_kind == BRIDGE else TokenKind.NODE


def redeemed(application: Application, token: BootstrapToken, placement: Placement, now: datetime) -> BootstrapToken:
    """The token as this registration leaves it (steps 5 and 7); raises the first refusal that applies."""
    return token.redeem(kind=placement.token_kind, project_id=application.project_id, nonce=application.nonce, now=now)


def enrolled(
    application: Application,
    token: BootstrapToken,
    placement: Placement,
    *,
    id: NodeId,
    mesh_ip: Address,
    now: datetime,
) -> Node:
    """The Node that the token was redeemed for."""
    return Node(
        id=id,
        domain_id=placement.domain_id,
        project_id=placement.project_id,
        resource_id=placement.resource_id,
        bootstrap_token_id=token.id,
        mesh_ip=mesh_ip,
        public_key=application.public_key,
        registered_at=now,
    )


def repeats(application: Application, token: BootstrapToken, now: datetime) -> bool:
    """Whether this may be the repetition of the request that redeemed the token, in time for the same answer."""
    match token.fate:
        case Redeemed(at):
            return token.was_redeemed_with(application.nonce) and now - at <= REPLAY_WINDOW
        case _:
            return False


def is_asked_for(node: Node, application: Application, placement: Placement) -> bool:
    """Whether the Node is the one that this application, made before, would have made."""
    return node.public_key == application.public_key and node.resource_id == placement.resource_id


@frozen
class DomainSigningKey:
    """The key that signs a Domain's events: its kid, and its 32 raw public bytes."""

    kid: str
    public_key: bytes = field(repr=bytes.hex)


@frozen(kw_only=True)
class RegisteredNode:
    """What the new Node is told. The key is shown here and nowhere else."""

    node: Node
    nsk: NodeSecretKey
    signing_key: DomainSigningKey
    domain_mesh_cidr: Network
    peers: PeerView


def _project(text: str) -> ProjectId:
    try:
        return ProjectId(parse_id(text))
    except ValueError:
        raise InvariantViolation("project_id", "must be a non-zero UUID") from None


def _text(name: str, text: str) -> str:
    if not text.strip():
        raise InvariantViolation(name, "must not be blank")
    if len(text) > MAX_TEXT:
        raise InvariantViolation(name, f"must not be longer than {MAX_TEXT} characters")
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvariantViolation(name, "must not contain NUL or lone surrogates")
    return text
