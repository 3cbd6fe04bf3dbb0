"""Which facts put which tuples into the relation graph: one table, no I/O.

Structure follows from facts: an object's `parent` edge and its creator's ownership appear with it, and everything that
was said about it disappears with it. Ids never come back, so a removal wins over any other word about the same object;
with that, the changes of a batch of facts do not depend on the order within the batch.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from attrs import frozen

from plexsphere_domain.authz.model import PLATFORM, ObjectRef, ObjectType, Relation, RelationTuple
from plexsphere_domain.kernel.ids import DomainId


@frozen
class Fact:
    """An event as the outbox carries it; `payload` holds JSON values."""

    type: str
    domain_id: DomainId | None
    payload: Mapping[str, Any]


@frozen
class Changes:
    """Tuples to write, and objects about which no tuple may remain."""

    touched: frozenset[RelationTuple] = frozenset()
    removed: frozenset[ObjectRef] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.touched or self.removed)


def project(facts: Iterable[Fact]) -> Changes:
    """The changes that the facts bring about, together. Facts without a row in the table change nothing."""
    touched: set[RelationTuple] = set()
    removed: set[ObjectRef] = set()
    for fact in facts:
        if fact.type in TOUCHES:
            touched.update(TOUCHES[fact.type](fact))
        elif fact.type in REMOVALS:
            object_type, member = REMOVALS[fact.type]
            removed.add(ObjectRef(object_type, fact.domain_id if member is None else fact.payload[member]))
    gone = {each for each in touched if each.object in removed or each.subject in removed}
    return Changes(frozenset(touched - gone), frozenset(removed))


def _parent(child: ObjectRef, parent: ObjectRef) -> RelationTuple:
    return RelationTuple(child, Relation.PARENT, parent)


_SUBJECT_TYPES = {"user": ObjectType.USER, "service": ObjectType.SERVICE_IDENTITY}


def _held_by(object: ObjectRef, relation: Relation, principal: Mapping[str, Any] | None) -> Iterable[RelationTuple]:
    """The relation for the principal, unless it is of a kind that has no place in the graph."""
    if principal is not None and principal["kind"] in _SUBJECT_TYPES:
        yield RelationTuple(object, relation, ObjectRef(_SUBJECT_TYPES[principal["kind"]], principal["id"]))


def _operator_appointed(fact: Fact) -> Iterable[RelationTuple]:
    yield from _held_by(PLATFORM, Relation.OPERATOR, fact.payload["operator"])


def _domain_created(fact: Fact) -> Iterable[RelationTuple]:
    created = ObjectRef(ObjectType.DOMAIN, fact.domain_id)
    yield _parent(created, PLATFORM)
    yield from _held_by(created, Relation.ADMIN, fact.payload.get("created_by"))


def _project_created(fact: Fact) -> Iterable[RelationTuple]:
    created = ObjectRef(ObjectType.PROJECT, fact.payload["project_id"])
    yield _parent(created, ObjectRef(ObjectType.DOMAIN, fact.domain_id))
    yield from _held_by(created, Relation.ADMIN, fact.payload.get("created_by"))


def _resource_created(fact: Fact) -> Iterable[RelationTuple]:
    created = ObjectRef(ObjectType.RESOURCE, fact.payload["resource_id"])
    yield _parent(created, ObjectRef(ObjectType.PROJECT, fact.payload["project_id"]))


def _node_registered(fact: Fact) -> Iterable[RelationTuple]:
    node = ObjectRef(ObjectType.NODE, fact.payload["node_id"])
    resource_id = fact.payload.get("resource_id")
    if resource_id is None:
        yield _parent(node, ObjectRef(ObjectType.PROJECT, fact.payload["project_id"]))
    else:
        yield _parent(node, ObjectRef(ObjectType.RESOURCE, resource_id))


TOUCHES: Mapping[str, Callable[[Fact], Iterable[RelationTuple]]] = MappingProxyType(
    {
        "PlatformOperatorAppointed": _operator_appointed,
        "DomainCreated": _domain_created,
        "ProjectCreated": _project_created,
        "ResourceCreated": _resource_created,
        "NodeRegistered": _node_registered,
    }
)
"""Type of a fact → the tuples that it makes true."""

REMOVALS: Mapping[str, tuple[ObjectType, str | None]] = MappingProxyType(
    {
        "DomainDeleted": (ObjectType.DOMAIN, None),
        "ProjectDeleted": (ObjectType.PROJECT, "project_id"),
        "ResourceDeleted": (ObjectType.RESOURCE, "resource_id"),
        "NodeDeregistered": (ObjectType.NODE, "node_id"),
    }
)
"""Type of a fact → the object that is gone: its type, and the member that names it (None: the fact's own Domain)."""

PROJECTED_TYPES = frozenset(TOUCHES) | frozenset(REMOVALS)
"""The types of the facts that change anything."""
