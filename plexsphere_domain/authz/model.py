"""The vocabulary of authorisation, and the decision itself.

A gate asks whether a principal holds a permission on an object. The rules, in order:
 1. only users and service identities have a place in the relation graph; everybody else is out of scope,
 2. a platform operator (`platform#manage`) passes the gate of every object, existing or not,
 3. the graph grants the permission on the object,
 4. it would grant it, were it not for a caveat: caveat violation,
 5. the caller is bound to the object or to what it belongs to, only not closely enough: insufficient relation,
 6. nothing binds the caller to it: out of scope.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum, StrEnum
from ipaddress import IPv6Address, ip_address
from typing import Any
from uuid import UUID

from attrs import field, frozen

from plexsphere_domain.kernel.actor import Actor, Principal, PrincipalKind
from plexsphere_domain.kernel.ids import DomainId


class ObjectType(StrEnum):
    """The kinds of vertices of the relation graph, as tuples spell them."""

    PLATFORM = "platform"
    DOMAIN = "domain"
    PROJECT = "project"
    RESOURCE = "resource"
    NODE = "node"
    GROUP = "group"
    USER = "user"
    SERVICE_IDENTITY = "serviceaccount"


class Relation(StrEnum):
    """What a tuple says: written, never computed."""

    PARENT = "parent"
    ADMIN = "admin"
    AUDITOR = "auditor"
    MEMBER = "member"
    APPROVER = "approver"
    EMERGENCY_APPROVER = "emergency_approver"
    MAINTAINER = "maintainer"
    DEPLOYER = "deployer"
    OPERATOR = "operator"
    OBSERVER = "observer"
    READER = "reader"
    AGENT = "agent"


class Permission(StrEnum):
    """What a gate asks for: computed, never written. `BOUND` is no gate; it asks for any standing at all."""

    MANAGE = "manage"
    READ = "read"
    AUDITOR = "auditor"
    APPROVE = "approve"
    EMERGENCY_APPROVER = "emergency_approver"
    DOMAIN_VIEW = "domain-view"
    DOMAIN_EDIT = "domain-edit"
    MAINTAINER = "maintainer"
    DEPLOY = "deploy"
    OPERATOR = "operator"
    OBSERVE = "observe"
    NODE_AGENT = "node-agent"
    NODE_OPERATE = "node-operate"
    BOUND = "bound"


@frozen
class ObjectRef:
    """A vertex of the graph: `<type>:<id>`."""

    type: ObjectType
    id: str = field(converter=str)

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"


PLATFORM = ObjectRef(ObjectType.PLATFORM, "plexsphere")
"""The singleton that owns what no Domain owns."""

_SUBJECT_TYPES = {PrincipalKind.USER: ObjectType.USER, PrincipalKind.SERVICE: ObjectType.SERVICE_IDENTITY}


def subject_of(principal: Principal) -> ObjectRef | None:
    """The principal's place in the graph; None for kinds that have none (Nodes prove themselves by their own path)."""
    subject_type = _SUBJECT_TYPES.get(principal.kind)
    return ObjectRef(subject_type, str(principal.id)) if subject_type else None


class Caveat(StrEnum):
    """The conditions that a tuple can carry."""

    WITHIN_TIME_WINDOW = "within_time_window"
    FROM_CIDR = "from_cidr"
    REQUIRES_ASSURANCE = "requires_assurance"


CAVEAT_OF_PARAMETER: Mapping[str, Caveat] = {
    "now": Caveat.WITHIN_TIME_WINDOW,
    "ip": Caveat.FROM_CIDR,
    "acr": Caveat.REQUIRES_ASSURANCE,
    "amr": Caveat.REQUIRES_ASSURANCE,
}
"""Which caveat wants which circumstance of the occasion."""

Circumstance = datetime | str | tuple[str, ...]


@frozen
class BoundCaveat:
    """A caveat on a tuple, with the values that the tuple fixes, as JSON values."""

    name: Caveat
    context: Mapping[str, Any] = field(factory=dict, eq=False, repr=False)


@frozen
class RelationTuple:
    """`object#relation@subject`, where the subject may be a set such as `group:…#member`."""

    object: ObjectRef
    relation: Relation
    subject: ObjectRef
    subject_relation: Relation | None = None
    caveat: BoundCaveat | None = field(default=None, eq=False)

    def __str__(self) -> str:
        subject_set = f"#{self.subject_relation}" if self.subject_relation else ""
        return f"{self.object}#{self.relation}@{self.subject}{subject_set}"


@frozen
class Question:
    """Does `subject` hold `permission` on `object`, on an occasion with these circumstances?"""

    subject: ObjectRef
    permission: Permission
    object: ObjectRef
    circumstances: Mapping[str, Circumstance] = field(factory=dict)


class Verdict(Enum):
    YES = "yes"
    NO = "no"
    CONDITIONAL = "conditional"


@frozen
class Answer:
    """CONDITIONAL when a caveat wanted circumstances that the question did not tell: their names are `missing`."""

    verdict: Verdict
    missing: frozenset[str] = frozenset()

    @property
    def yes(self) -> bool:
        return self.verdict is Verdict.YES


class Reason(StrEnum):
    OUT_OF_SCOPE = "out_of_scope"
    INSUFFICIENT_RELATION = "insufficient_relation"
    CAVEAT_VIOLATION = "caveat_violation"


@frozen
class Granted:
    """`relation_path` names what decided, as `<object>#<permission>`."""

    relation_path: tuple[str, ...]

    @property
    def reason(self) -> str:
        return "granted"


@frozen
class Denied:
    """`relation_path` is empty where nothing binds the caller to the object."""

    reason: Reason
    relation_path: tuple[str, ...] = ()


Decision = Granted | Denied


@frozen(kw_only=True)
class Inquiry:
    """The four questions that decide one gate; a graph answers them in one round trip."""

    subject: ObjectRef
    permission: Permission
    object: ObjectRef
    circumstances: Mapping[str, Circumstance]

    @property
    def questions(self) -> tuple[Question, Question, Question, Question]:
        return (
            Question(self.subject, Permission.MANAGE, PLATFORM, self.circumstances),
            Question(self.subject, self.permission, self.object, self.circumstances),
            Question(self.subject, self.permission, self.object),
            Question(self.subject, Permission.BOUND, self.object),
        )

    def decide(self, operator: Answer, asked: Answer, unconditional: Answer, bound: Answer) -> Decision:
        """The decision out of the answers to `questions`, by the module's rules 2 to 6."""
        if operator.yes:
            return Granted((f"{PLATFORM}#{Permission.MANAGE}",))
        path = (f"{self.object}#{self.permission}",)
        if asked.yes:
            return Granted(path)
        if unconditional.verdict is Verdict.CONDITIONAL:
            return Denied(Reason.CAVEAT_VIOLATION, path)
        if bound.verdict is Verdict.NO:
            return Denied(Reason.OUT_OF_SCOPE)
        return Denied(Reason.INSUFFICIENT_RELATION, path)


@frozen(kw_only=True)
class Ruling:
    """A decision on one occasion, as it goes into the audit log.

    `at` is the time of the occasion. `domain_id` is the Domain that owns the object, None where none does or the object
    is unknown. `caveats` names the caveats that took part and the circumstances that each wanted, never their values.
    `stale` says that the graph was away and the decision is an earlier one.
    """

    at: datetime
    actor: Actor
    permission: Permission
    object: ObjectRef
    domain_id: DomainId | None
    decision: Decision
    caveats: Mapping[Caveat, tuple[str, ...]] = field(factory=dict)
    stale: bool = False

    @property
    def reason(self) -> str:
        """What the wire may say: `granted` or the reason of the denial."""
        return str(self.decision.reason)

    @property
    def internal_reason(self) -> str:
        """What operators see: the same, told apart where the decision is an earlier one."""
        return f"stale_{self.reason}" if self.stale else self.reason


def circumstances_of(actor: Actor, now: datetime) -> dict[str, Circumstance]:
    """What caveats may ask about the occasion. To the second: questions that tell the same are answered once."""
    told: dict[str, Circumstance] = {"now": now.replace(microsecond=0)}
    address = _address(actor.ip)
    if address is not None:
        told["ip"] = address
    return told


def _address(text: str | None) -> str | None:
    """The address in canonical form, IPv4 where it is one in disguise; None for what is no address."""
    try:
        address = ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def caveats_behind(answer: Answer) -> dict[Caveat, tuple[str, ...]]:
    """The caveats whose parameters an unconditional question lacked, with the names of those parameters."""
    names: dict[Caveat, tuple[str, ...]] = {}
    for parameter in sorted(answer.missing & CAVEAT_OF_PARAMETER.keys()):
        caveat = CAVEAT_OF_PARAMETER[parameter]
        names[caveat] = (*names.get(caveat, ()), parameter)
    return names


def domain(id: UUID) -> ObjectRef:
    return ObjectRef(ObjectType.DOMAIN, id)


def project(id: UUID) -> ObjectRef:
    return ObjectRef(ObjectType.PROJECT, id)


def resource(id: UUID) -> ObjectRef:
    return ObjectRef(ObjectType.RESOURCE, id)


def node(id: UUID) -> ObjectRef:
    return ObjectRef(ObjectType.NODE, id)
