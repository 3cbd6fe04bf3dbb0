"""Lists of peers, as registration and the state pull hand them out."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from plexsphere_apps.simulator import forms


def broken_peers(peers: Sequence[Any], *, own: str) -> Iterator[str]:
    """What is wrong with a list of peers that the Node `own` was given."""
    ids: set[str] = set()
    addresses: set[str] = set()
    for peer in peers:
        if not isinstance(peer, dict):
            yield "a peer is an object"
            continue
        node_id, address = peer.get("node_id"), peer.get("mesh_ip")
        yield from _broken_peer(str(node_id), str(address), str(peer.get("public_key")), _fallback(peer))
        ids.add(str(node_id))
        addresses.add(str(address))
    if own in ids:
        yield "a Node is not its own peer"
    if len(ids) != len(peers) or len(addresses) != len(peers):
        yield "peers differ in id and address"


def _fallback(peer: dict[str, Any]) -> str:
    value = peer.get("fallback_endpoint")
    return "" if value is None else str(value)


@lru_cache(maxsize=65_536)
def _broken_peer(node_id: str, address: str, public_key: str, fallback: str) -> tuple[str, ...]:
    """Remembered, because every agent of a Domain is given nearly the same list, again and again."""
    broken = []
    if not forms.is_uuid(node_id):
        broken.append("a peer's `node_id` is a UUID")
    if forms.unicast(address) is None:
        broken.append("a peer's `mesh_ip` is a bare IPv4 unicast address")
    if not forms.is_key(public_key):
        broken.append("a peer's `public_key` is base64 of 32 bytes")
    if fallback and not forms.is_dialable(fallback):
        broken.append("a peer's `fallback_endpoint` is host:port")
    return tuple(broken)
