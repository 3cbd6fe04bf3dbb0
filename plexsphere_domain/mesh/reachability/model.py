"""How a Node's health follows from its heartbeats.

 1. A Node that never sent a heartbeat is `never_reported`, since its enrolment. It stays so until the evaluator admits
    its first heartbeat; from then on the age of the last heartbeat alone decides:
 2. younger than `stale_after`: `healthy`, since the heartbeat with which the present unbroken run began;
 3. from `stale_after` up to and including `unreachable_after`: `stale`, since the last heartbeat + `stale_after`;
 4. older: `unreachable`, since the last heartbeat + `unreachable_after`.

A run of heartbeats is unbroken while none comes `stale_after` or more behind the one before. So every reader can tell
the verdict of this very moment from what the heartbeats left behind, and a new heartbeat shows on the next read. What
the evaluator adds is the record: each change of the verdict is announced once, step by step along the edges

    never_reported -> healthy | stale | unreachable
    healthy -> stale -> unreachable
    stale | unreachable -> healthy

with the instant at which it was true, not at which it was noticed. No verdict claims to be older than the admission.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

from attrs import evolve, field, frozen


class ReachabilityState(StrEnum):
    NEVER_REPORTED = "never_reported"
    HEALTHY = "healthy"
    STALE = "stale"
    UNREACHABLE = "unreachable"


@frozen(kw_only=True)
class Thresholds:
    """A Domain's patience: the ages of the last heartbeat at which a Node stops being healthy, and being stale."""

    stale_after: timedelta = timedelta(seconds=90)
    unreachable_after: timedelta = field(default=timedelta(seconds=300))

    @unreachable_after.validator
    def _ascending(self, _attribute: object, unreachable_after: timedelta) -> None:
        if not timedelta(0) < self.stale_after < unreachable_after:
            raise ValueError("thresholds ascend from zero")


@frozen(kw_only=True)
class Reachability:
    """A verdict, and since when it holds."""

    state: ReachabilityState
    changed_at: datetime
    last_heartbeat_at: datetime | None = None


@frozen(kw_only=True)
class Transition:
    """One edge of the state machine, and the instant at which it was passed."""

    before: ReachabilityState
    after: ReachabilityState
    at: datetime


@frozen(kw_only=True)
class Liveness:
    """What is remembered of a Node's heartbeats.

    `run_began_at` is the first heartbeat of the present unbroken run, `admitted_at` the tick of the evaluator that
    admitted the first heartbeat of all, `announced` the verdict that was last put on record.
    """

    enrolled_at: datetime
    last_heartbeat_at: datetime | None = None
    run_began_at: datetime | None = None
    admitted_at: datetime | None = None
    announced: ReachabilityState = ReachabilityState.NEVER_REPORTED

    def heard(self, at: datetime, thresholds: Thresholds) -> "Liveness":
        """The Node sent a heartbeat. One that arrives out of order changes nothing."""
        last, began = self.last_heartbeat_at, self.run_began_at
        if last is None or began is None:
            return evolve(self, last_heartbeat_at=at, run_began_at=at)
        if at <= last:
            return self
        unbroken = at - last < thresholds.stale_after
        return evolve(self, last_heartbeat_at=at, run_began_at=began if unbroken else at)

    def verdict(self, now: datetime, thresholds: Thresholds) -> Reachability:
        """The Node's reachability at this moment (rules 1 to 4)."""
        if self.admitted_at is None:
            return self._reachability(ReachabilityState.NEVER_REPORTED, thresholds)
        return self._reachability(self._by_age(now, thresholds), thresholds)

    def evaluate(self, now: datetime, thresholds: Thresholds) -> tuple["Liveness", tuple[Transition, ...]]:
        """One tick of the evaluator: the record brought up to date, and the edges passed since it was last."""
        if self.last_heartbeat_at is None:
            return self, ()
        admitted = evolve(self, admitted_at=self.admitted_at or now)
        verdict = admitted.verdict(now, thresholds)
        steps = _path(self.announced, verdict.state)
        transitions = tuple(
            Transition(before=before, after=after, at=admitted._reachability(after, thresholds).changed_at)
            for before, after in steps
        )
        return evolve(admitted, announced=verdict.state), transitions

    def _by_age(self, now: datetime, thresholds: Thresholds) -> ReachabilityState:
        assert self.last_heartbeat_at is not None
        age = now - self.last_heartbeat_at
        if age < thresholds.stale_after:
            return ReachabilityState.HEALTHY
        return ReachabilityState.STALE if age <= thresholds.unreachable_after else ReachabilityState.UNREACHABLE

    def _reachability(self, state: ReachabilityState, thresholds: Thresholds) -> Reachability:
        last, began, admitted = self.last_heartbeat_at, self.run_began_at, self.admitted_at
        if last is None or began is None or admitted is None or state is ReachabilityState.NEVER_REPORTED:
            return Reachability(state=state, changed_at=self.enrolled_at, last_heartbeat_at=last)
        since = {
            ReachabilityState.HEALTHY: began,
            ReachabilityState.STALE: last + thresholds.stale_after,
            ReachabilityState.UNREACHABLE: last + thresholds.unreachable_after,
        }[state]
        return Reachability(state=state, changed_at=max(since, admitted), last_heartbeat_at=last)


_NEXT = {
    ReachabilityState.HEALTHY: ReachabilityState.STALE,
    ReachabilityState.STALE: ReachabilityState.UNREACHABLE,
    ReachabilityState.UNREACHABLE: ReachabilityState.HEALTHY,
}
"""Where a reported Node can go, besides back to healthy."""


def _path(before: ReachabilityState, after: ReachabilityState) -> Iterator[tuple[ReachabilityState, ReachabilityState]]:
    """The edges from one verdict to another; an evaluator that comes late passes several at once."""
    if before is ReachabilityState.NEVER_REPORTED:
        yield before, after
        return
    while before is not after:
        step = after if after is ReachabilityState.HEALTHY else _NEXT[before]
        yield before, step
        before = step
