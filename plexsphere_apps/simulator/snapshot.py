"""The state pull: what a Node should be, member by member."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from plexsphere_apps.simulator import forms
from plexsphere_apps.simulator.peers import broken_peers

MEMBERS: Final = ("peers", "reachability", "policy", "bridge", "state", "reports", "executions", "sessions")
STATES: Final = frozenset({"healthy", "stale", "unreachable", "never_reported"})
ACTIONS: Final = frozenset({"allow", "deny", "log"})
WITH_PORTS: Final = frozenset({"tcp", "udp"})
PROTOCOLS: Final = WITH_PORTS | {"icmp", "any"}
TARGETS: Final = frozenset({"ssh", "k8s", "tcp"})
PENDING: Final = frozenset({"pending", "ack", "started"})
EMPTY_FINGERPRINT: Final = base64.b64encode(hashlib.sha256(b"").digest()).decode()


def broken_rules(snapshot: Mapping[str, Any], *, own: str) -> Iterator[str]:
    """What is wrong with the snapshot of the Node `own`."""
    for name in MEMBERS:
        if name not in snapshot:
            yield f"`{name}` is always there"
    yield from _peers(snapshot.get("peers"), own)
    yield from _reachability(snapshot.get("reachability"))
    yield from _policy(snapshot.get("policy"))
    yield from _bridge(snapshot.get("bridge"))
    yield from _entries(snapshot.get("state"), "state")
    if snapshot.get("reports") != snapshot.get("state"):
        yield "`reports` mirrors `state`"
    yield from _executions(snapshot.get("executions"))
    yield from _sessions(snapshot.get("sessions"))


def _peers(peers: object, own: str) -> Iterator[str]:
    if not isinstance(peers, list):
        yield "`peers` is an array"
        return
    yield from broken_peers(peers, own=own)
    if not _ascending([str(peer.get("node_id")) for peer in peers if isinstance(peer, dict)]):
        yield "`peers` ascend by node_id"


def _reachability(block: object) -> Iterator[str]:
    if not isinstance(block, dict):
        yield "`reachability` is an object"
        return
    if block.get("state") not in STATES:
        yield "`reachability.state` is one of its four values"
    if not forms.is_instant(block.get("changed_at")):
        yield "`reachability.changed_at` is an instant in UTC"
    heard = block.get("last_heartbeat_at")
    if "last_heartbeat_at" in block and not forms.is_instant(heard):
        yield "`reachability.last_heartbeat_at` is an instant in UTC, or absent"
    if block.get("state") in ("healthy", "stale") and heard is None:
        yield "a Node that was heard has `reachability.last_heartbeat_at`"


def _policy(block: object) -> Iterator[str]:
    if block is None:
        return
    if not isinstance(block, dict) or not isinstance(block.get("rules"), list):
        yield "`policy` is an object with `rules`, or null"
        return
    if not forms.is_uuid(block.get("revision_id")):
        yield "`policy.revision_id` is a UUID"
    if not forms.is_key(block.get("fingerprint")):
        yield "`policy.fingerprint` is base64 of a SHA-256"
    if block["rules"] and block.get("fingerprint") == EMPTY_FINGERPRINT:
        yield "`policy.fingerprint` changes with the rules"
    for rule in block["rules"]:
        yield from _policy_rule(rule)


def _policy_rule(rule: object) -> Iterator[str]:
    if not isinstance(rule, dict) or rule.get("action") not in ACTIONS or rule.get("protocol") not in PROTOCOLS:
        yield "a policy rule has a known action and protocol"
        return
    if ("ports" in rule) != (rule["protocol"] in WITH_PORTS):
        yield "a policy rule has ports exactly for tcp and udp"


def _bridge(block: object) -> Iterator[str]:
    if block is not None and not isinstance(block, dict):
        yield "`bridge` is an object or null"


def _entries(block: object, name: str) -> Iterator[str]:
    if block is None:
        return
    if not isinstance(block, dict):
        yield f"`{name}` is an object or null"
        return
    for bucket in ("metadata", "data", "reports"):
        entries = block.get(bucket)
        if not isinstance(entries, list) or not all(_is_entry(entry) for entry in entries):
            yield f"`{name}.{bucket}` is an array of entries"
        elif not _ascending([entry["key"] for entry in entries]):
            yield f"`{name}.{bucket}` ascends by key"


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("key"), str) and isinstance(entry.get("value"), str)


def _executions(block: object) -> Iterator[str]:
    if not isinstance(block, list):
        yield "`executions` is an array"
        return
    for entry in block:
        if not isinstance(entry, dict) or not forms.is_uuid(entry.get("execution_id")):
            yield "an execution has its `execution_id`"
        elif entry.get("type") not in ("builtin", "hook") or entry.get("status") not in PENDING:
            yield "an execution has a known type and status"
        elif not forms.is_instant(entry.get("requested_at")) or not forms.is_instant(entry.get("expires_at")):
            yield "an execution has `requested_at` and `expires_at`"
    ordered = [_requested(entry) for entry in block if isinstance(entry, dict)]
    if ordered != sorted(ordered):
        yield "`executions` ascend by requested_at and execution_id"


def _requested(entry: Mapping[str, Any]) -> tuple[datetime, str]:
    requested = entry.get("requested_at")
    instant = datetime.fromisoformat(requested) if forms.is_instant(requested) else datetime.min.replace(tzinfo=UTC)
    return instant, str(entry.get("execution_id"))


def _sessions(block: object) -> Iterator[str]:
    if not isinstance(block, list):
        yield "`sessions` is an array"
        return
    for entry in block:
        if not isinstance(entry, dict) or not forms.is_uuid(entry.get("session_id")):
            yield "a session has its `session_id`"
        elif entry.get("jti") != entry["session_id"]:
            yield "a session's `jti` is its id"
        elif not isinstance(entry.get("target"), dict) or set(entry["target"]) != {entry.get("kind")} & TARGETS:
            yield "a session has the one target of its kind"
        elif not forms.is_instant(entry.get("expires_at")):
            yield "a session has `expires_at`"


def _ascending(keys: Sequence[str]) -> bool:
    return all(earlier < later for earlier, later in pairwise(keys))
