"""Gates and visibility: the two questions that every operation asks."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from attrs import evolve, frozen

from plexsphere_domain.authz.errors import AuthzUnavailable, PermissionDenied
from plexsphere_domain.authz.last_known import KnownDecision, LastKnownDecisions
from plexsphere_domain.authz.model import (
    PLATFORM,
    Denied,
    Granted,
    Inquiry,
    ObjectRef,
    ObjectType,
    Permission,
    Question,
    Reason,
    Ruling,
    caveats_behind,
    circumstances_of,
    subject_of,
)
from plexsphere_domain.authz.ports import DecisionJournal, RelationGraph, Residency
from plexsphere_domain.kernel.actor import Actor
from plexsphere_domain.kernel.clock import Clock


@frozen(kw_only=True)
class Authorizer:
    """Decides, and lets nothing go on before the decision is in the audit log."""

    graph: RelationGraph
    residency: Residency
    journal: DecisionJournal
    clock: Clock
    known: LastKnownDecisions

    async def authorize(self, actor: Actor, permission: Permission, object: ObjectRef) -> Granted:
        """Pass the gate `object#permission`.

        Raises PermissionDenied, or AuthzUnavailable when the graph is away and no earlier decision is young enough. A
        journal that fails keeps the gate closed, with the journal's own error.
        """
        ruling = await self._rule(actor, permission, object, self.clock.now())
        await self.journal.record(ruling)
        match ruling.decision:
            case Granted() as granted:
                return granted
            case Denied(reason, relation_path):
                raise PermissionDenied(reason, relation_path)

    async def visible(
        self, actor: Actor, permission: Permission, type: ObjectType, ids: Iterable[UUID]
    ) -> frozenset[UUID]:
        """Those of `ids` on which the actor holds the permission, by one bulk check for the whole page.

        It filters what a gate let through, so it is not recorded row by row, and it never falls back on earlier
        decisions. Raises AuthzUnavailable.
        """
        subject = subject_of(actor.principal)
        rows = tuple(ids)
        if subject is None or not rows:
            return frozenset()
        told = circumstances_of(actor, self.clock.now())
        questions = [
            Question(subject, Permission.MANAGE, PLATFORM, told),
            *(Question(subject, permission, ObjectRef(type, row), told) for row in rows),
        ]
        operator, *answers = await self.graph.answers(questions, at_least=actor.graph_revision)
        if operator.yes:
            return frozenset(rows)
        return frozenset(row for row, answer in zip(rows, answers, strict=True) if answer.yes)

    async def _rule(self, actor: Actor, permission: Permission, object: ObjectRef, now: datetime) -> Ruling:
        unbound = Ruling(
            at=now,
            actor=actor,
            permission=permission,
            object=object,
            domain_id=await self.residency.domain_of(object),
            decision=Denied(Reason.OUT_OF_SCOPE),
        )
        subject = subject_of(actor.principal)
        if subject is None:
            return unbound
        key = (subject, permission, object)
        try:
            ruling = await self._ask(unbound, subject)
        except AuthzUnavailable:
            known = self.known.recall(key, now)
            if known is None:
                raise
            return evolve(unbound, decision=known.decision, domain_id=known.domain_id, stale=True)
        if ruling.caveats:  # it holds for this occasion: this address, this hour
            self.known.forget(key)
        else:
            self.known.remember(key, KnownDecision(ruling.decision, ruling.domain_id, now))
        return ruling

    async def _ask(self, unbound: Ruling, subject: ObjectRef) -> Ruling:
        """The ruling that the graph gives instead of `unbound`."""
        inquiry = Inquiry(
            subject=subject,
            permission=unbound.permission,
            object=unbound.object,
            circumstances=circumstances_of(unbound.actor, unbound.at),
        )
        answers = await self.graph.answers(inquiry.questions, at_least=unbound.actor.graph_revision)
        operator, asked, unconditional, bound = answers
        decision = inquiry.decide(operator, asked, unconditional, bound)
        return evolve(unbound, decision=decision, caveats=caveats_behind(unconditional))
