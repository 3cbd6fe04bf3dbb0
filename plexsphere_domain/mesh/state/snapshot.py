"""The state document: what a Node pulls and reconciles itself with.

Two pulls against the same facts are equal byte for byte, because Nodes hash the answer: compact JSON, members in one
fixed order, peers ascending by node id, nothing that says when or for which request it was made. All eight members
are always there. An agent takes `null` for "nothing is known" and an empty array for "there is none": `sessions: []`
closes every session, so a document whose blocks could not all be loaded must not be built at all.
"""

import json
from datetime import UTC, datetime

from attrs import frozen

from plexsphere_domain.mesh.reachability.model import Reachability
from plexsphere_domain.mesh.state.directory import PeerView

_NO_ENTRIES = b'{"metadata":[],"data":[],"reports":[]}'


@frozen(kw_only=True)
class StateSnapshot:
    """A Node's desired state."""

    peers: PeerView
    reachability: Reachability

    def encode(self) -> bytes:
        """The document: UTF-8 JSON without whitespace."""
        return b"".join(
            (
                b'{"peers":',
                self.peers.encode(),
                b',"policy":null,"bridge":null,"state":',
                _NO_ENTRIES,
                b',"reports":',
                _NO_ENTRIES,
                b',"reachability":',
                encode_reachability(self.reachability),
                b',"executions":[],"sessions":[]}',
            )
        )


def encode_reachability(reachability: Reachability) -> bytes:
    """`{"state", "last_heartbeat_at"?, "changed_at"}`; the heartbeat is left out where there was none."""
    members = {"state": str(reachability.state)}
    if reachability.last_heartbeat_at is not None:
        members["last_heartbeat_at"] = timestamp(reachability.last_heartbeat_at)
    members["changed_at"] = timestamp(reachability.changed_at)
    return json.dumps(members, separators=(",", ":")).encode()


def timestamp(instant: datetime) -> str:
    """RFC 3339 in UTC: `2026-04-27T10:15:30.123000Z`, without a fraction on the full second."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
