"""The state document and the directory of peers behind it."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from plexsphere_domain.kernel.ids import NodeId
from plexsphere_domain.mesh.nodes.model import Peer
from plexsphere_domain.mesh.nodes.public_key import X25519PublicKey
from plexsphere_domain.mesh.reachability.model import Reachability, ReachabilityState
from plexsphere_domain.mesh.state.directory import PeerChanges, PeerDirectory
from plexsphere_domain.mesh.state.snapshot import StateSnapshot, encode_reachability

REGISTERED = datetime(2026, 5, 27, 10, 0, 0, 120_900, tzinfo=UTC)


def node(number: int) -> NodeId:
    return NodeId(UUID(int=number))


def peer(number: int, *, revision: int = 0, endpoint: str | None = None) -> Peer:
    key = X25519PublicKey((number * 1000 + revision + 1).to_bytes(32, "big"))
    return Peer(node_id=node(number), mesh_ip=IPv4Address(number), public_key=key, fallback_endpoint=endpoint)


def entry(one: Peer) -> dict[str, str]:
    members = {
        "node_id": str(one.node_id),
        "mesh_ip": str(one.mesh_ip),
        "public_key": b64encode(one.public_key.raw).decode(),
    }
    return members | ({"fallback_endpoint": one.fallback_endpoint} if one.fallback_endpoint else {})


def test_a_node_alone_has_no_peers() -> None:
    assert PeerDirectory.empty().encode_without(node(1)) == b"[]"
    assert PeerDirectory.empty().advance(PeerChanges(version=1, live=(peer(1),))).encode_without(node(1)) == b"[]"


def test_the_bytes_of_a_peer_list() -> None:
    directory = PeerDirectory.empty().advance(
        PeerChanges(version=3, live=(peer(3), peer(1, endpoint="relay.example:51821"), peer(2)))
    )
    assert directory.encode_without(node(3)) == (
        b'[{"node_id":"00000000-0000-0000-0000-000000000001","mesh_ip":"0.0.0.1",'
        b'"public_key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+k=","fallback_endpoint":"relay.example:51821"},'
        b'{"node_id":"00000000-0000-0000-0000-000000000002","mesh_ip":"0.0.0.2",'
        b'"public_key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB9E="}]'
    )


changes = st.lists(
    st.tuples(st.sets(st.integers(1, 9), max_size=4), st.sets(st.integers(1, 9), max_size=3), st.integers(0, 9)),
    max_size=8,
)


@given(changes)
def test_any_history_leads_to_the_same_directory_as_a_fresh_start(
    history: list[tuple[set[int], set[int], int]],
) -> None:
    directory, world = PeerDirectory.empty(), dict[int, Peer]()
    for version, (live, gone, revision) in enumerate(history, start=1):
        for number in gone:
            world.pop(number, None)
        world.update((number, peer(number, revision=revision)) for number in live)
        directory = directory.advance(
            PeerChanges(
                version=version,
                live=tuple(peer(number, revision=revision) for number in live),
                gone=tuple(node(number) for number in gone),
            )
        )
    fresh = PeerDirectory.empty().advance(PeerChanges(version=99, live=tuple(world.values())))
    for number in range(11):
        expected = [entry(world[other]) for other in sorted(world) if other != number]
        assert directory.encode_without(node(number)) == fresh.encode_without(node(number))
        assert json.loads(directory.encode_without(node(number))) == expected


def test_older_changes_change_nothing() -> None:
    directory = PeerDirectory.empty().advance(PeerChanges(version=5, live=(peer(1),)))
    assert directory.advance(PeerChanges(version=5, gone=(node(1),))) is directory


def test_the_document_has_all_eight_members_and_no_whitespace() -> None:
    reachability = Reachability(state=ReachabilityState.NEVER_REPORTED, changed_at=REGISTERED)
    document = StateSnapshot(peers=PeerDirectory.empty().around(node(1)), reachability=reachability).encode()
    assert document == (
        b'{"peers":[],"policy":null,"bridge":null,'
        b'"state":{"metadata":[],"data":[],"reports":[]},"reports":{"metadata":[],"data":[],"reports":[]},'
        b'"reachability":{"state":"never_reported","changed_at":"2026-05-27T10:00:00.120900Z"},'
        b'"executions":[],"sessions":[]}'
    )


def test_a_heartbeat_shows_in_the_reachability() -> None:
    reachability = Reachability(
        state=ReachabilityState.STALE, changed_at=REGISTERED, last_heartbeat_at=REGISTERED + timedelta(seconds=1)
    )
    assert encode_reachability(reachability) == (
        b'{"state":"stale","last_heartbeat_at":"2026-05-27T10:00:01.120900Z","changed_at":"2026-05-27T10:00:00.120900Z"}'
    )
