"""Earlier decisions, for the time in which the graph is away."""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta

from attrs import field, frozen

from plexsphere_domain.authz.model import Decision, ObjectRef, Permission
from plexsphere_domain.kernel.ids import DomainId

Key = tuple[ObjectRef, Permission, ObjectRef]
"""Subject, permission, object."""


@frozen
class StaleTtl:
    """How old a decision may be and still be reused: each Domain's own, or the common one. Zero never reuses."""

    common: timedelta = timedelta(seconds=30)
    of_domain: Mapping[DomainId, timedelta] = field(factory=dict)

    def of(self, domain_id: DomainId | None) -> timedelta:
        return self.common if domain_id is None else self.of_domain.get(domain_id, self.common)


@frozen
class KnownDecision:
    decision: Decision
    domain_id: DomainId | None
    at: datetime


class LastKnownDecisions:
    """The newest decision per subject, permission and object; the least recently used fall out beyond `capacity`.

    A decision leaves by age, by a newer one for the same key, or for want of room: a relation that is withdrawn while
    the graph is away is noticed when the TTL has passed, never later. What a caveat had a part in is not kept.
    """

    def __init__(self, ttl: StaleTtl, *, capacity: int = 50_000) -> None:
        self._ttl = ttl
        self._capacity = capacity
        self._known: OrderedDict[Key, KnownDecision] = OrderedDict()

    def remember(self, key: Key, decision: KnownDecision) -> None:
        self._known[key] = decision
        self._known.move_to_end(key)
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)

    def forget(self, key: Key) -> None:
        self._known.pop(key, None)

    def recall(self, key: Key, now: datetime) -> KnownDecision | None:
        """The decision, if it is younger than its Domain's TTL."""
        known = self._known.get(key)
        if known is None or now - known.at >= self._ttl.of(known.domain_id):
            return None
        self._known.move_to_end(key)
        return known
