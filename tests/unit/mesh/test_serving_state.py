"""Directories that many share, keys that are remembered, and states that outlive the datastore."""

import asyncio
from datetime import timedelta
from ipaddress import IPv4Address
from uuid import UUID

import pytest
from attrs import define, field

from plexsphere_domain.kernel.errors import Unavailable
from plexsphere_domain.kernel.ids import DomainId, NodeId
from plexsphere_domain.kernel.secrets import SecretBytes, SecretStr
from plexsphere_domain.mesh.nodes.authentication import AuthenticatedNode, NodeAuthentication, VerifiedKeys
from plexsphere_domain.mesh.nodes.errors import NodeIdMismatch, NodeNotFound, NskInvalid, NskMissing, NskRevoked
from plexsphere_domain.mesh.nodes.model import LiveCredential, NodeCredential, Peer, RevokedCredential
from plexsphere_domain.mesh.nodes.public_key import X25519PublicKey
from plexsphere_domain.mesh.nodes.secret_key import NodeSecretKey, NskEnvelope
from plexsphere_domain.mesh.reachability.model import Liveness, Thresholds
from plexsphere_domain.mesh.reachability.ports import Standing
from plexsphere_domain.mesh.state.directories import PeerDirectories
from plexsphere_domain.mesh.state.directory import PeerChanges
from plexsphere_domain.mesh.state.service import DesiredState, LastGoodStates
from tests.ports.mesh import NOON, Watch

DOMAIN = DomainId(UUID(int=1))
NODE, OTHER = NodeId(UUID(int=2)), NodeId(UUID(int=3))
KEY = NodeSecretKey(SecretBytes(b"k" * 32))
BEARER = NskEnvelope(NODE, KEY).bearer()


class Away(Unavailable):
    code = "datastore_unavailable"


@define
class Store:
    """Everything that is looked up, and how often; nothing can be while it is `away`."""

    away: bool = False
    version: int = 1
    credential: NodeCredential | None = field(factory=lambda: LiveCredential(DOMAIN, KEY.digest))
    loads: int = 0

    async def credentials(self, node: NodeId) -> NodeCredential | None:
        self._reach()
        return self.credential if node == NODE else None

    async def standings(self, node: NodeId) -> Standing | None:
        self._reach()
        if self.credential is None or node != NODE:
            return None
        return Standing(
            node_id=node,
            domain_id=DOMAIN,
            peers_version=self.version,
            liveness=Liveness(enrolled_at=NOON),
            thresholds=Thresholds(),
        )

    async def since(self, domain: DomainId, version: int) -> PeerChanges:
        self.loads += 1
        await asyncio.sleep(0)
        self._reach()
        key = X25519PublicKey(self.version.to_bytes(32, "big"))
        return PeerChanges(
            version=self.version, live=(Peer(node_id=OTHER, mesh_ip=IPv4Address("10.0.0.3"), public_key=key),)
        )

    def _reach(self) -> None:
        if self.away:
            raise Away


async def test_concurrent_pulls_share_one_load() -> None:
    store = Store()
    directories = PeerDirectories(store)
    held = await asyncio.gather(*(directories.at_least(DOMAIN, 1) for _ in range(20)))
    assert len({id(one) for one in held}) == store.loads == 1
    assert await directories.at_least(DOMAIN, 1) is held[0]
    store.version = 2
    newer = await directories.at_least(DOMAIN, 2)
    assert (newer.version, store.loads) == (2, 2)
    assert await directories.at_least(DOMAIN, 1) is newer


async def test_a_failed_load_is_tried_again() -> None:
    store = Store(away=True)
    directories = PeerDirectories(store)
    outcomes = await asyncio.gather(*(directories.at_least(DOMAIN, 1) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in outcomes] == [Away] * 3
    store.away = False
    assert (await directories.at_least(DOMAIN, 1)).version == 1


async def test_directories_are_bounded_and_the_least_used_goes() -> None:
    store = Store()
    directories = PeerDirectories(store, size=2)
    first, second, third = (DomainId(UUID(int=number)) for number in (11, 12, 13))
    for domain in (first, second, first, third):
        await directories.at_least(domain, 1)
    assert directories.held(second) is None
    assert directories.held(first) is not None
    assert store.loads == 3


def desired(store: Store, watch: Watch) -> DesiredState:
    return DesiredState(standings=store.standings, directories=PeerDirectories(store), clock=watch)


async def test_the_last_good_state_is_served_until_it_is_too_old() -> None:
    store, watch = Store(), Watch()
    state = desired(store, watch)
    good = (await state.of(NODE)).encode()
    store.away = True
    watch.forward(300)
    assert (await state.of(NODE)).encode() == good
    watch.forward(0.001)
    with pytest.raises(Away):
        await state.of(NODE)


async def test_there_is_no_last_good_state_of_a_node_that_never_pulled_or_is_gone() -> None:
    store, watch = Store(away=True), Watch()
    state = desired(store, watch)
    with pytest.raises(Away):
        await state.of(NODE)
    store.away = False
    await state.of(NODE)
    store.credential = None
    with pytest.raises(NodeNotFound):
        await state.of(NODE)
    store.away = True
    with pytest.raises(Away):
        await state.of(NODE)


def test_last_good_states_are_bounded() -> None:
    states, watch = LastGoodStates(size=2), Watch()
    reachability = Liveness(enrolled_at=NOON).verdict(NOON, Thresholds())
    for number in range(3):
        states.remember(NodeId(UUID(int=number)), DOMAIN, reachability, watch.now())
    assert states.recall(NodeId(UUID(int=0)), NOON) is None
    assert states.recall(NodeId(UUID(int=2)), NOON) is not None
    assert states.recall(NodeId(UUID(int=2)), NOON + timedelta(seconds=1)) is None


def authentication(store: Store, watch: Watch) -> NodeAuthentication:
    return NodeAuthentication(lookup=store.credentials, clock=watch)


async def test_a_key_proves_its_node_and_no_other() -> None:
    nodes = authentication(Store(), Watch())
    node = await nodes.authenticate(BEARER)
    assert (node.id, node.domain_id) == (NODE, DOMAIN)
    node.acts_for(NODE)
    with pytest.raises(NodeIdMismatch):
        node.acts_for(OTHER)
    for wrong in (NskEnvelope(OTHER, KEY), NskEnvelope(NODE, NodeSecretKey(SecretBytes(bytes(32))))):
        with pytest.raises(NskInvalid):
            await nodes.authenticate(wrong.bearer())


@pytest.mark.parametrize("bearer", [None, SecretStr(""), SecretStr("nsk_x"), KEY.encoded])
async def test_what_cannot_be_read_is_missing_to_nodes_and_invalid_to_readers(bearer: SecretStr | None) -> None:
    nodes = authentication(Store(), Watch())
    with pytest.raises(NskMissing):
        await nodes.authenticate(bearer)
    with pytest.raises(NskInvalid):
        await nodes.authenticate_reader(bearer)
    with pytest.raises(NskInvalid):
        await nodes.authenticate_through_outage(bearer)


async def test_a_revoked_key_is_told_so_only_to_its_holder() -> None:
    nodes = authentication(Store(credential=RevokedCredential(KEY.digest)), Watch())
    with pytest.raises(NskRevoked):
        await nodes.authenticate(BEARER)
    with pytest.raises(NskInvalid):
        await nodes.authenticate(NskEnvelope(NODE, NodeSecretKey(SecretBytes(bytes(32)))).bearer())


async def test_a_key_that_was_verified_lately_survives_an_outage_for_the_pull_alone() -> None:
    store, watch = Store(), Watch()
    nodes = authentication(store, watch)
    await nodes.authenticate(BEARER)
    store.away = True
    watch.forward(300)
    assert (await nodes.authenticate_through_outage(BEARER)).id == NODE
    with pytest.raises(Away):
        await nodes.authenticate(BEARER)
    with pytest.raises(Away):
        await nodes.authenticate_reader(BEARER)
    with pytest.raises(Away):
        await nodes.authenticate_through_outage(NskEnvelope(NODE, NodeSecretKey(SecretBytes(bytes(32)))).bearer())
    watch.forward(0.001)
    with pytest.raises(Away):
        await nodes.authenticate_through_outage(BEARER)


async def test_a_key_that_was_seen_revoked_does_not_survive() -> None:
    store = Store()
    nodes = authentication(store, Watch())
    await nodes.authenticate(BEARER)
    store.credential = RevokedCredential(KEY.digest)
    with pytest.raises(NskRevoked):
        await nodes.authenticate_through_outage(BEARER)
    store.away = True
    with pytest.raises(Away):
        await nodes.authenticate_through_outage(BEARER)


def test_verified_keys_are_bounded() -> None:
    keys = VerifiedKeys(size=1)
    for node in (NODE, OTHER):
        keys.remember(AuthenticatedNode(node, DOMAIN), KEY.digest, NOON)
    assert keys.recall(NODE, KEY, NOON) is None
    assert keys.recall(OTHER, KEY, NOON) == AuthenticatedNode(OTHER, DOMAIN)
