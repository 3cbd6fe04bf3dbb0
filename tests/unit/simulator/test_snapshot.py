"""The desired state, held against the contract."""

import pytest

from plexsphere_apps.simulator.snapshot import broken_rules
from tests.unit.simulator.fake import FakeCore

OWN = "0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a3"
OTHER = "0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a4"
KEY = "A" * 43 + "="
PEER = {"node_id": OTHER, "mesh_ip": "100.64.0.2", "public_key": KEY, "fallback_endpoint": "203.0.113.1:51820"}
EMPTY = {"metadata": [], "data": [], "reports": []}
EXECUTION = {
    "execution_id": OTHER,
    "action": "system.info",
    "type": "builtin",
    "status": "pending",
    "requested_at": "2026-05-27T10:00:00Z",
    "expires_at": "2026-05-27T11:00:00Z",
}
SESSION = {
    "session_id": OTHER,
    "jti": OTHER,
    "kind": "tcp",
    "target": {"tcp": {"host": "10.0.0.1", "port": 22}},
    "expires_at": "2026-05-27T11:00:00Z",
}
RULE = {"action": "allow", "protocol": "tcp", "source_cidr": "10.0.0.0/8", "destination_cidr": "10.0.0.0/8"}
POLICY = {"revision_id": OTHER, "fingerprint": KEY, "rules": []}
HEALTHY = {"state": "healthy", "changed_at": "2026-05-27T10:00:00Z"}
PORTS = {"ports": {"from": 1, "to": 2}}


def snapshot(**members):
    return FakeCore().snapshot(OWN) | members


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"peers": [PEER]},
        {"peers": [{**PEER, "fallback_endpoint": ""}]},
        {"policy": {**POLICY, "rules": [RULE | PORTS, RULE | {"protocol": "icmp"}]}},
        {"state": None, "reports": None},
        {"executions": [EXECUTION], "sessions": [SESSION]},
        {"reachability": {**HEALTHY, "last_heartbeat_at": "2026-05-27T10:00:00.1Z"}},
    ],
)
def test_a_sound_snapshot_breaks_no_rule(members):
    assert list(broken_rules(snapshot(**members), own=OWN)) == []


@pytest.mark.parametrize(
    "member", ["peers", "policy", "bridge", "state", "reports", "reachability", "executions", "sessions"]
)
def test_no_member_is_ever_missing(member):
    found = snapshot()
    del found[member]

    assert f"`{member}` is always there" in list(broken_rules(found, own=OWN))


@pytest.mark.parametrize(
    ("members", "rule"),
    [
        ({"peers": None}, "`peers` is an array"),
        ({"peers": [{**PEER, "node_id": OWN}]}, "a Node is not its own peer"),
        ({"peers": [{**PEER, "mesh_ip": "100.64.0.2/32"}]}, "a peer's `mesh_ip` is a bare IPv4 unicast address"),
        ({"peers": [{**PEER, "mesh_ip": "fd00::1"}]}, "a peer's `mesh_ip` is a bare IPv4 unicast address"),
        ({"peers": [{**PEER, "public_key": "AAAA"}]}, "a peer's `public_key` is base64 of 32 bytes"),
        ({"peers": [{**PEER, "fallback_endpoint": "host"}]}, "a peer's `fallback_endpoint` is host:port"),
        ({"peers": [PEER, {**PEER, "node_id": OWN[:-1] + "0", "mesh_ip": "100.64.0.3"}]}, "`peers` ascend by node_id"),
        ({"reachability": None}, "`reachability` is an object"),
        ({"reachability": {**HEALTHY, "state": "fine"}}, "`reachability.state` is one of its four values"),
        ({"reachability": HEALTHY}, "a Node that was heard has `reachability.last_heartbeat_at`"),
        ({"policy": {**POLICY, "fingerprint": ""}}, "`policy.fingerprint` is base64 of a SHA-256"),
        ({"policy": {**POLICY, "rules": [RULE]}}, "a policy rule has ports exactly for tcp and udp"),
        (
            {"policy": {**POLICY, "rules": [RULE | PORTS | {"protocol": "any"}]}},
            "a policy rule has ports exactly for tcp and udp",
        ),
        ({"state": {"metadata": []}}, "`state.data` is an array of entries"),
        ({"reports": {**EMPTY, "data": [{"key": "a", "value": "b"}]}}, "`reports` mirrors `state`"),
        ({"executions": None}, "`executions` is an array"),
        ({"executions": [{**EXECUTION, "expires_at": None}]}, "an execution has `requested_at` and `expires_at`"),
        ({"sessions": None}, "`sessions` is an array"),
        ({"sessions": [{**SESSION, "jti": "x"}]}, "a session's `jti` is its id"),
        ({"sessions": [{**SESSION, "kind": "ssh"}]}, "a session has the one target of its kind"),
    ],
)
def test_a_flaw_is_found(members, rule):
    assert rule in list(broken_rules(snapshot(**members), own=OWN))
