"""Who a Node is: the check of its Node Secret Key.

The credential is read for every request, so a retired Node is refused at once and everywhere. Only the reading of
one's own desired state may outlive an outage of the datastore: for that, a key that this process verified within
`grace` is believed again while the look-up fails. It opens nothing that it did not open a moment ago: the same Node's
state, as of before the outage. A key that fails against a look-up that works is never believed.
"""

from collections import OrderedDict
from datetime import datetime, timedelta

from attrs import Factory, field, frozen

from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.errors import Unavailable
from plexsphere_domain.kernel.ids import DomainId, NodeId
from plexsphere_domain.kernel.secrets import SecretStr
from plexsphere_domain.mesh.nodes.errors import NodeIdMismatch, NskInvalid, NskMissing, NskRevoked
from plexsphere_domain.mesh.nodes.model import LiveCredential, RevokedCredential
from plexsphere_domain.mesh.nodes.ports import NodeCredentialLookup
from plexsphere_domain.mesh.nodes.secret_key import NodeSecretKey, NskDigest, NskEnvelope
from plexsphere_domain.mesh.reachability.ports import Standing


@frozen
class AuthenticatedNode:
    """A Node that proved itself with its key.

    `standing` is how it stood a moment ago, read together with its key, so that its request need not ask again; None
    where its key was believed without reading.
    """

    id: NodeId
    domain_id: DomainId
    standing: Standing | None = field(default=None, eq=False, repr=False)

    def acts_for(self, node: NodeId) -> None:
        """Raises NodeIdMismatch where the request is about another Node."""
        if node != self.id:
            raise NodeIdMismatch


@frozen
class _Verified:
    digest: NskDigest
    node: AuthenticatedNode
    at: datetime


class VerifiedKeys:
    """The keys that this process verified last, at most `size`; by their digests."""

    def __init__(self, size: int = 20_000) -> None:
        self._size = size
        self._keys: OrderedDict[NodeId, _Verified] = OrderedDict()

    def remember(self, node: AuthenticatedNode, digest: NskDigest, at: datetime) -> None:
        self._keys[node.id] = _Verified(digest, node, at)
        self._keys.move_to_end(node.id)
        if len(self._keys) > self._size:
            self._keys.popitem(last=False)

    def forget(self, node: NodeId) -> None:
        self._keys.pop(node, None)

    def recall(self, node: NodeId, key: NodeSecretKey, since: datetime) -> AuthenticatedNode | None:
        """The Node, if this very key was verified at `since` or later."""
        entry = self._keys.get(node)
        if entry is None or entry.at < since or not entry.digest.recognises(key):
            return None
        return entry.node


@frozen(kw_only=True)
class NodeAuthentication:
    """Turns a bearer credential into the Node that it proves."""

    lookup: NodeCredentialLookup
    clock: Clock
    grace: timedelta = timedelta(minutes=5)
    _verified: VerifiedKeys = field(default=Factory(VerifiedKeys), repr=False)

    async def authenticate(self, bearer: SecretStr | None) -> AuthenticatedNode:
        """For what only Nodes do. Raises NskMissing (also for what cannot be read), NskInvalid or NskRevoked."""
        envelope = _envelope(bearer)
        if envelope is None:
            raise NskMissing
        return await self._verify(envelope)

    async def authenticate_reader(self, bearer: SecretStr | None) -> AuthenticatedNode:
        """For reads that operators share. Raises NskInvalid, also for what cannot be read, or NskRevoked."""
        envelope = _envelope(bearer)
        if envelope is None:
            raise NskInvalid
        return await self._verify(envelope)

    async def authenticate_through_outage(self, bearer: SecretStr | None) -> AuthenticatedNode:
        """As `authenticate_reader`; while the look-up is unavailable, a lately verified key is believed."""
        try:
            return await self.authenticate_reader(bearer)
        except Unavailable:
            envelope = _envelope(bearer)
            assert envelope is not None
            node = self._verified.recall(envelope.node_id, envelope.key, self.clock.now() - self.grace)
            if node is None:
                raise
            return node

    async def _verify(self, envelope: NskEnvelope) -> AuthenticatedNode:
        credential = await self.lookup(envelope.node_id)
        if credential is None or not credential.digest.recognises(envelope.key):
            raise NskInvalid
        match credential:
            case RevokedCredential():
                self._verified.forget(envelope.node_id)
                raise NskRevoked
            case LiveCredential(domain_id, digest, standing):
                self._verified.remember(AuthenticatedNode(envelope.node_id, domain_id), digest, self.clock.now())
                return AuthenticatedNode(envelope.node_id, domain_id, standing)


def _envelope(bearer: SecretStr | None) -> NskEnvelope | None:
    try:
        return NskEnvelope.parse(bearer) if bearer is not None else None
    except ValueError:
        return None
