"""The relation graph in memory: it evaluates the derivations of the domain over a set of tuples."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any

from attrs import define, field, frozen

from plexsphere_domain.authz.errors import AuthzUnavailable
from plexsphere_domain.authz.model import (
    Answer,
    BoundCaveat,
    Caveat,
    Circumstance,
    ObjectRef,
    Permission,
    Question,
    Relation,
    RelationTuple,
    Ruling,
    Verdict,
)
from plexsphere_domain.authz.ports import Pending
from plexsphere_domain.authz.projection import Changes, Fact
from plexsphere_domain.authz.schema import DERIVATIONS, OfParent, Source
from plexsphere_domain.kernel.ids import DomainId

YES = Answer(Verdict.YES)
NO = Answer(Verdict.NO)
EVERYBODY = "*"


class MemoryGraph:
    """RelationGraph and GraphWriter. Like a real graph it is not whole until it was rebuilt once."""

    def __init__(self) -> None:
        self._tuples: dict[tuple[ObjectRef, Relation], dict[RelationTuple, RelationTuple]] = {}
        self._whole = False
        self._revision = 0

    @classmethod
    def of(cls, *tuples: RelationTuple) -> "MemoryGraph":
        """A whole graph of these tuples."""
        graph = cls()
        graph._whole = True
        graph._write(tuples)
        return graph

    async def answers(self, questions: Sequence[Question], *, at_least: str | None) -> Sequence[Answer]:
        if not self._whole:
            raise AuthzUnavailable
        return [self._holds(each, each.permission, each.object, frozenset()) for each in questions]

    async def whole(self) -> bool:
        return self._whole

    async def apply(self, changes: Changes) -> str:
        if not self._whole:
            raise AuthzUnavailable
        self._write(changes.touched)
        self._tuples = {key: held for key, held in self._tuples.items() if key[0] not in changes.removed}
        return self._next_revision()

    async def rebuild(self, tuples: AsyncIterator[Sequence[RelationTuple]]) -> str:
        self._whole = False
        self._tuples.clear()
        async for batch in tuples:
            self._write(batch)
        self._whole = True
        return self._next_revision()

    def lose(self) -> None:
        """Forget everything, as an in-memory datastore does that is killed."""
        self._tuples.clear()
        self._whole = False

    def _next_revision(self) -> str:
        self._revision += 1
        return str(self._revision)

    def _write(self, tuples: Iterable[RelationTuple]) -> None:
        for each in tuples:
            held = self._tuples.setdefault((each.object, each.relation), {})
            held.pop(each, None)
            held[each] = each

    def _holds(self, asked: Question, source: Source, object: ObjectRef, seen: frozenset[ObjectRef]) -> Answer:
        match source:
            case Permission():
                derivation = DERIVATIONS[object.type].get(source, ())
                return _any(self._holds(asked, each, object, seen) for each in derivation)
            case OfParent(permission):
                parents = (each.subject for each in self._tuples.get((object, Relation.PARENT), ()))
                return _any(self._holds(asked, permission, parent, seen) for parent in parents)
            case Relation():
                held = self._tuples.get((object, source), {}).values()
                return _any(self._covers(each, asked, seen) for each in held)

    def _covers(self, held: RelationTuple, asked: Question, seen: frozenset[ObjectRef]) -> Answer:
        """Whether the asking subject is the tuple's subject, or in it, under the tuple's caveat."""
        if held.subject_relation is None:
            named = held.subject.type is asked.subject.type and held.subject.id in (asked.subject.id, EVERYBODY)
            member = YES if named else NO
        elif held.subject in seen:
            member = NO
        else:
            member = self._holds(asked, held.subject_relation, held.subject, seen | {held.subject})
        return member if held.caveat is None else _both(member, _evaluate(held.caveat, asked.circumstances))


def _any(answers: Iterable[Answer]) -> Answer:
    missing: frozenset[str] = frozenset()
    for answer in answers:
        if answer.yes:
            return answer
        missing |= answer.missing
    return Answer(Verdict.CONDITIONAL, missing) if missing else NO


def _both(member: Answer, condition: Answer) -> Answer:
    if Verdict.NO in (member.verdict, condition.verdict):
        return NO
    missing = member.missing | condition.missing
    return Answer(Verdict.CONDITIONAL, missing) if missing else YES


def _evaluate(caveat: BoundCaveat, circumstances: Mapping[str, Circumstance]) -> Answer:
    """The caveat under what the tuple fixes and, for the rest, what the question tells."""
    told: dict[str, Any] = {**circumstances, **caveat.context}
    missing = _PARAMETERS[caveat.name] - told.keys()
    if missing:
        return Answer(Verdict.CONDITIONAL, frozenset(missing))
    return YES if _holds_under(caveat.name, told) else NO


_PARAMETERS = {
    Caveat.WITHIN_TIME_WINDOW: {"now", "not_before", "not_after"},
    Caveat.FROM_CIDR: {"ip", "cidr"},
    Caveat.REQUIRES_ASSURANCE: {"acr", "amr", "acr_values", "amr_values"},
}


def _holds_under(caveat: Caveat, told: Mapping[str, Any]) -> bool:
    match caveat:
        case Caveat.WITHIN_TIME_WINDOW:
            return _instant(told["not_before"]) <= _instant(told["now"]) < _instant(told["not_after"])
        case Caveat.FROM_CIDR:
            return ip_address(told["ip"]) in ip_network(told["cidr"])
        case Caveat.REQUIRES_ASSURANCE:
            classes = told["acr_values"]
            return (not classes or told["acr"] in classes) and set(told["amr_values"]) <= set(told["amr"])


def _instant(value: datetime | str) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


@frozen
class MemoryResidency:
    """A Domain owns itself; everything else lives where `owners` says."""

    owners: dict[ObjectRef, DomainId] = field(factory=dict)

    async def domain_of(self, object: ObjectRef) -> DomainId | None:
        return self.owners.get(object)


@frozen
class MemoryDecisionJournal:
    rulings: list[Ruling] = field(factory=list)

    async def record(self, ruling: Ruling) -> None:
        self.rulings.append(ruling)


@define
class MemoryTupleLedger:
    """TupleLedger over a list of facts; positions are numbers of facts."""

    facts: list[Fact] = field(factory=list)
    kept: set[RelationTuple] = field(factory=set)
    position: int = 0
    revision: str | None = None

    async def pending(self, limit: int) -> Pending[int] | None:
        window = tuple(self.facts[self.position : self.position + limit])
        return Pending(window, self.position + len(window)) if window else None

    async def settle(self, pending: Pending[int], changes: Changes, revision: str | None) -> None:
        self.kept = {each for each in self.kept | changes.touched if each.object not in changes.removed}
        self.position = pending.position
        self.revision = revision or self.revision

    async def tuples(self) -> AsyncIterator[Sequence[RelationTuple]]:
        yield tuple(self.kept)

    async def rebuilt(self, revision: str) -> None:
        self.revision = revision
