"""A Node: a machine that redeemed a bootstrap token and so became a member of its Domain's mesh.

A Node is made in one piece at registration and leaves in one piece when its Resource is deleted; what remains then is
a tombstone, by which its key is still recognised as revoked and its peers learn that it is gone.
"""

from datetime import datetime

from attrs import field, frozen

from plexsphere_domain.kernel.ids import BootstrapTokenId, DomainId, NodeId, ProjectId, ResourceId
from plexsphere_domain.kernel.sealing import Sealed
from plexsphere_domain.mesh.addresses.model import Address
from plexsphere_domain.mesh.nodes.public_key import X25519PublicKey
from plexsphere_domain.mesh.nodes.secret_key import NskDigest
from plexsphere_domain.mesh.reachability.ports import Standing


@frozen(kw_only=True)
class Peer:
    """What other Nodes of the Domain need to know of a Node.

    `fallback_endpoint` is an address (`host:port`) at which it can be dialled, None where none is assigned.
    """

    node_id: NodeId
    mesh_ip: Address
    public_key: X25519PublicKey
    fallback_endpoint: str | None = None


@frozen(kw_only=True)
class Node:
    """A live Node. `bootstrap_token_id` is the token that it enrolled with."""

    id: NodeId
    domain_id: DomainId
    project_id: ProjectId
    resource_id: ResourceId
    bootstrap_token_id: BootstrapTokenId
    mesh_ip: Address
    public_key: X25519PublicKey
    registered_at: datetime

    @property
    def as_peer(self) -> Peer:
        return Peer(node_id=self.id, mesh_ip=self.mesh_ip, public_key=self.public_key)


@frozen
class StoredNsk:
    """A Node Secret Key at rest: sealed, for when it is needed as a key, and its digest, for authentication."""

    sealed: Sealed
    digest: NskDigest


def sealing_context(node_id: NodeId) -> bytes:
    """What a sealed NSK is bound to, so that it opens for no other Node."""
    return b"nsk:" + node_id.bytes


@frozen
class LiveCredential:
    """The credential of a live Node, and how the Node stood when it was read, where the look-up told that too."""

    domain_id: DomainId
    digest: NskDigest = field(repr=False)
    standing: Standing | None = field(default=None, eq=False, repr=False)


@frozen
class RevokedCredential:
    """The credential of a Node that was retired."""

    digest: NskDigest = field(repr=False)


NodeCredential = LiveCredential | RevokedCredential
