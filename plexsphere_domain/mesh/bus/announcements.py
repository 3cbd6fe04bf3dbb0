"""What is announced to whom: one table from the facts of the outbox to what goes on the wire.

An announcement only shortens the time until a Node pulls its state: everything it says is in the pull as well. It
carries no secret. The payload of one that is addressed to a Node names that Node as `node_id`; what is said to a whole
Domain names the Node that it is about as `peer_node_id`. A fact whose type is not in the table concerns no Node.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from attrs import define, field, frozen

from plexsphere_domain.kernel.ids import DomainId, EventId, NodeId, parse_id
from plexsphere_domain.mesh.bus.canonical import Json


@frozen
class ToNode:
    """One Node of a Domain."""

    domain: DomainId
    node: NodeId


@frozen
class ToDomain:
    """Every Node of a Domain."""

    domain: DomainId


Audience: TypeAlias = ToNode | ToDomain


@frozen(kw_only=True)
class Fact:
    """An event of the outbox. `payload` holds the fields of the event as JSON, `domain_id` may be missing from it."""

    id: EventId
    type: str
    domain_id: DomainId | None
    payload: Mapping[str, Any] = field(repr=False)
    occurred_at: datetime


@frozen(kw_only=True)
class Announcement:
    """`id` is that of the fact: however often it is emitted, it is one announcement."""

    id: EventId
    type: str
    audience: Audience
    payload: Json

    @property
    def scope(self) -> str:
        return scope_of(self.audience)


@define(eq=False)
class Unannounceable(Exception):
    """The fact should be announced, but it lacks what the announcement needs."""

    reason: str


def scope_of(audience: Audience) -> str:
    """The `scope` of every envelope for `audience`."""
    return f"domain:{audience.domain}"


def announce(fact: Fact) -> Announcement | None:
    """The announcement of `fact`, None when it concerns no Node. Raises Unannounceable."""
    rule = _TABLE.get(fact.type)
    if rule is None:
        return None
    if fact.domain_id is None:
        raise Unannounceable("it belongs to no Domain")
    return rule(fact, fact.domain_id)


def _node_registered(fact: Fact, domain: DomainId) -> Announcement:
    payload = {
        "peer_node_id": str(_id(fact, "node_id")),
        "mesh_ip": _text(fact, "mesh_ip"),
        "public_key": _text(fact, "public_key"),
    }
    return Announcement(id=fact.id, type="peer_registered", audience=ToDomain(domain), payload=payload)


def _node_deregistered(fact: Fact, domain: DomainId) -> Announcement:
    payload = {"peer_node_id": str(_id(fact, "node_id"))}
    return Announcement(id=fact.id, type="peer_deregistered", audience=ToDomain(domain), payload=payload)


def _node_state_updated(fact: Fact, domain: DomainId) -> Announcement:
    node = NodeId(_id(fact, "node_id"))
    payload = {"node_id": str(node)}
    return Announcement(id=fact.id, type="node_state_updated", audience=ToNode(domain, node), payload=payload)


def _domain_mesh_changed(fact: Fact, domain: DomainId) -> Announcement:
    payload = {"domain_id": str(domain)}
    return Announcement(id=fact.id, type="node_state_updated", audience=ToDomain(domain), payload=payload)


_TABLE: Mapping[str, Callable[[Fact, DomainId], Announcement]] = {
    "NodeRegistered": _node_registered,
    "NodeDeregistered": _node_deregistered,
    "NodeStateUpdated": _node_state_updated,
    "DomainMeshChanged": _domain_mesh_changed,
}

ANNOUNCED = frozenset(_TABLE)
"""The types of the facts that are announced."""


def _id(fact: Fact, name: str) -> UUID:
    try:
        return parse_id(_text(fact, name))
    except ValueError as error:
        raise Unannounceable(f"{name} is no id") from error


def _text(fact: Fact, name: str) -> str:
    value = fact.payload.get(name)
    if not isinstance(value, str) or not value:
        raise Unannounceable(f"{name} is missing")
    return value
