"""When an agent goes back to its event stream, as a pure decision over what became of the last try.

- A stream that ended, or was cut by the agent's own request timeout: at once.
- No answer, a stream that fell silent, and most refusals: back-off. After five minutes of nothing but failures the
  agent calls itself `degraded_polling`; the pull goes on as ever.
- 429: Retry-After, then back-off.
- 400 while a cursor was sent: the cursor is forgotten, and the next try goes without it.
- 401, 403, 404: never again in this process.
- 501 `signed_event_bus_not_provisioned`: `pull_only`, with a probe every ten minutes. There only a success or a
  permanent refusal changes anything.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final, TypeAlias

from attrs import frozen

from plexsphere_apps.simulator.backoff import Backoff
from plexsphere_apps.simulator.timing import Timing

PERMANENT: Final = frozenset({401, 403, 404})
NOT_PROVISIONED: Final = "signed_event_bus_not_provisioned"


class Mode(StrEnum):
    CONNECTING = "connecting"
    STREAMING = "streaming"
    DEGRADED = "degraded_polling"
    PULL_ONLY = "pull_only"
    STOPPED = "stopped"


@frozen
class Ended:
    """The server ended the stream, or the agent cut it by its own time limit."""


@frozen
class Failed:
    """No answer, or a stream that broke or fell silent."""


@frozen(kw_only=True)
class Refused:
    """An answer that is no stream."""

    status: int
    code: str
    retry_after: float | None
    with_cursor: bool


Outcome: TypeAlias = Ended | Failed | Refused


@frozen(kw_only=True)
class Next:
    """What to do: wait so many seconds and try again, or stop where `wait` is None."""

    wait: float | None
    forget_cursor: bool = False


class Reconnection:
    """One agent's memory of how its tries went. `now` is a monotonic clock in seconds."""

    def __init__(self, timing: Timing, now: Callable[[], float]) -> None:
        self.mode = Mode.CONNECTING
        self._timing = timing
        self._now = now
        self._backoff = Backoff(timing.backoff_first, timing.backoff_ceiling)
        self._failing_since: float | None = None

    def connected(self) -> None:
        self.mode = Mode.STREAMING
        self._failing_since = None
        self._backoff.reset()

    def after(self, outcome: Outcome) -> Next:
        match outcome:
            case Ended():
                return Next(wait=0.0)
            case Refused(status=status) if status in PERMANENT:
                self.mode = Mode.STOPPED
                return Next(wait=None)
            case Refused(status=501, code=code) if code == NOT_PROVISIONED:
                self.mode = Mode.PULL_ONLY
                return Next(wait=self._timing.reprobe)
        forget = isinstance(outcome, Refused) and outcome.status == 400 and outcome.with_cursor
        if self.mode is Mode.PULL_ONLY:
            return Next(wait=self._timing.reprobe, forget_cursor=forget)
        if forget:
            return Next(wait=0.0, forget_cursor=True)
        return Next(wait=self._pause(outcome))

    def _pause(self, outcome: Outcome) -> float:
        self._note_failure()
        asked = outcome.retry_after if isinstance(outcome, Refused) and outcome.status == 429 else None
        return (asked or 0.0) + self._backoff.delay()

    def _note_failure(self) -> None:
        now = self._now()
        if self._failing_since is None:
            self._failing_since = now
        if now - self._failing_since >= self._timing.degrade_after:
            self.mode = Mode.DEGRADED
        elif self.mode is Mode.STREAMING:
            self.mode = Mode.CONNECTING
