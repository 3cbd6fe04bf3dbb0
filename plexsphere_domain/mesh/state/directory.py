"""All peers of a Domain, encoded once and served many times.

Every Node of a Domain pulls the same list of peers, less itself. The directory holds the JSON of all of them in
ascending order of node id, and where each entry begins and ends: a Node's own list is two slices of it. It is a value
of one peers version of the Domain; the next version is made from it and what changed since.
"""

import json
from collections.abc import Iterator, Mapping
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

    def __init__(self, version: int, entries: Mapping[NodeId, "_Entry"]) -> None:
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
        entries.update((peer.node_id, _Entry(peer, encode_peer(peer))) for peer in changes.live)
        return PeerDirectory(changes.version, entries)

    def around(self, node: NodeId) -> "PeerView":
        """The Domain as `node` sees it."""
        return PeerView(self, node)

    def peers(self) -> Iterator[Peer]:
        """Ascending by node id."""
        return (entry.peer for _, entry in self._ordered)

    def encode_without(self, node: NodeId) -> bytes:
        """The JSON array of all peers but `node`, ascending by node id; `[]` where there are none."""
        text, spans = self._layout
        if node not in spans:
            return text
        start, end = spans[node]
        whole = memoryview(text)
        if end < len(text) - 1:
            return b"".join((whole[:start], whole[end + 1 :]))
        return b"".join((whole[: max(start - 1, 1)], b"]"))

    @cached_property
    def _ordered(self) -> list[tuple[NodeId, "_Entry"]]:
        return sorted(self._entries.items(), key=lambda item: item[0].int)

    @cached_property
    def _layout(self) -> tuple[bytes, Mapping[NodeId, tuple[int, int]]]:
        spans: dict[NodeId, tuple[int, int]] = {}
        at = 1
        for node, entry in self._ordered:
            spans[node] = (at, at + len(entry.encoded))
            at += len(entry.encoded) + 1
        return b"[" + b",".join(entry.encoded for _, entry in self._ordered) + b"]", spans


@frozen
class _Entry:
    peer: Peer
    encoded: bytes


@frozen
class PeerView:
    """The other Nodes of a Node's Domain, ascending by node id."""

    directory: PeerDirectory
    node_id: NodeId

    def __iter__(self) -> Iterator[Peer]:
        return (peer for peer in self.directory.peers() if peer.node_id != self.node_id)

    def encode(self) -> bytes:
        """The JSON array, compact."""
        return self.directory.encode_without(self.node_id)


def encode_peer(peer: Peer) -> bytes:
    """One entry, compact, its members in a fixed order."""
    members = {"node_id": str(peer.node_id), "mesh_ip": str(peer.mesh_ip), "public_key": str(peer.public_key)}
    if peer.fallback_endpoint:
        members["fallback_endpoint"] = peer.fallback_endpoint
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
