"""All peers of a Domain, encoded once and served many times.

Every Node of a Domain pulls the same list of peers, less itself. The directory holds the JSON of all of them in
ascending order of node id, and where each entry begins and ends: a Node's own list is two slices of it. It is a value
of one peers version of the Domain; the next version is made from it and what changed since.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cached_property

from attrs import frozen

from plexsphere_domain.kernel.ids import NodeId
from plexsphere_domain.mesh.nodes.model import Peer


@frozen(kw_only=True)
class PeerChanges:
    """What became of a Domain's Nodes up to `version`: the live ones that are new or changed, and those that left."""

    version: int
    live: tuple[Peer, ...] = ()
    gone: tuple[NodeId, ...] = ()


class PeerDirectory:
    """The peers of a Domain at one version. Immutable."""

    def __init__(self, version: int, entries: Mapping[NodeId, bytes]) -> None:
        self.version = version
        self._entries = entries

    @classmethod
    def empty(cls) -> "PeerDirectory":
        """Before any Node: version 0."""
        return cls(0, {})

    def advance(self, changes: PeerChanges) -> "PeerDirectory":
        """The directory with the changes applied; itself where they are not newer."""
        if changes.version <= self.version:
            return self
        entries = dict(self._entries)
        for node in changes.gone:
            entries.pop(node, None)
        entries.update((peer.node_id, encode_peer(peer)) for peer in changes.live)
        return PeerDirectory(changes.version, entries)

    def others(self, node: NodeId) -> bytes:
        """The JSON array of all peers but `node`, ascending by node id; `[]` where there are none."""
        text, spans = self._layout
        if node not in spans:
            return text
        start, end = spans[node]
        if end < len(text) - 1:
            return text[:start] + text[end + 1 :]
        return text[: max(start - 1, 1)] + b"]"

    @cached_property
    def _layout(self) -> tuple[bytes, Mapping[NodeId, tuple[int, int]]]:
        ordered = sorted(self._entries.items(), key=lambda entry: entry[0].int)
        spans: dict[NodeId, tuple[int, int]] = {}
        at = 1
        for node, entry in ordered:
            spans[node] = (at, at + len(entry))
            at += len(entry) + 1
        return b"[" + b",".join(entry for _, entry in ordered) + b"]", spans

    def __len__(self) -> int:
        return len(self._entries)


def encode_peer(peer: Peer) -> bytes:
    """One entry, compact, its members in a fixed order."""
    members = {"node_id": str(peer.node_id), "mesh_ip": str(peer.mesh_ip), "public_key": str(peer.public_key)}
    if peer.fallback_endpoint:
        members["fallback_endpoint"] = peer.fallback_endpoint
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()


def encode_all(peers: Iterable[Peer]) -> bytes:
    """The JSON array of the peers, in the order given."""
    return b"[" + b",".join(encode_peer(peer) for peer in peers) + b"]"
