"""How long a Node of the Domain may be silent.

The rules, in the order in which they are checked:
 1. Every member that is given is a well-formed duration; zero counts as not given.
 2. Where nothing is given, the platform's default applies; where something is given, everything is.
 3. `heartbeat_interval` is at least 10 s.
 4. `stale_after` is at least three heartbeat intervals: two lost heartbeats are no news.
 5. `unreachable_after` is at least twice `stale_after`, and at most one hour.
"""

from typing import Self

from attrs import frozen

from plexsphere_domain.tenancy.domains.durations import Duration
from plexsphere_domain.tenancy.domains.errors import InvalidReachabilityPolicy
from plexsphere_domain.tenancy.naming import Malformed

_SHORTEST_INTERVAL = Duration.parse("10s")
_LONGEST = Duration.parse("1h")


@frozen(kw_only=True)
class ReachabilityDraft:
    """A policy as a caller spells it, member by member; None is a member that was not given."""

    heartbeat_interval: str | None = None
    stale_after: str | None = None
    unreachable_after: str | None = None


NOTHING_SET = ReachabilityDraft()


@frozen(kw_only=True)
class ReachabilityPolicy:
    """When a Node's silence makes it stale, and when unreachable. Raises `InvalidReachabilityPolicy`."""

    heartbeat_interval: Duration
    stale_after: Duration
    unreachable_after: Duration

    def __attrs_post_init__(self) -> None:
        beat, stale, gone = self.heartbeat_interval, self.stale_after, self.unreachable_after
        _require(beat.nanoseconds >= _SHORTEST_INTERVAL.nanoseconds, "heartbeat_interval", "must be at least 10s")
        _require(
            stale.nanoseconds >= 3 * beat.nanoseconds, "stale_after", "must be at least three times heartbeat_interval"
        )
        _require(gone.nanoseconds >= 2 * stale.nanoseconds, "unreachable_after", "must be at least twice stale_after")
        _require(gone.nanoseconds <= _LONGEST.nanoseconds, "unreachable_after", "must be at most 1h")

    @classmethod
    def decide(cls, draft: ReachabilityDraft) -> Self:
        """The policy that the draft asks for: the platform's default where it asks for nothing."""
        members = {
            "heartbeat_interval": _parsed("heartbeat_interval", draft.heartbeat_interval),
            "stale_after": _parsed("stale_after", draft.stale_after),
            "unreachable_after": _parsed("unreachable_after", draft.unreachable_after),
        }
        complete = {name: duration for name, duration in members.items() if duration is not None}
        if not complete:
            return cls.default()
        missing = [name for name in members if name not in complete]
        if missing:
            raise InvalidReachabilityPolicy(field=missing[0], rule="must be set where another threshold is")
        return cls(**complete)

    @classmethod
    def default(cls) -> Self:
        """The platform's policy: a heartbeat every 30 s, stale after three of them, unreachable after five minutes."""
        return cls(
            heartbeat_interval=Duration.parse("30s"),
            stale_after=Duration.parse("90s"),
            unreachable_after=Duration.parse("300s"),
        )


def _parsed(name: str, text: str | None) -> Duration | None:
    """The duration, None where nothing is set."""
    if text is None:
        return None
    try:
        duration = Duration.parse(text)
    except Malformed as malformed:
        raise InvalidReachabilityPolicy(field=name, rule=str(malformed)) from None
    return duration if duration.nanoseconds else None


def _require(holds: bool, name: str, rule: str) -> None:
    if not holds:
        raise InvalidReachabilityPolicy(field=name, rule=rule)
