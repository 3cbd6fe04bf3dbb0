"""Why a Node's stream of events is not opened, and what the relay may meet."""

from attrs import define

from plexsphere_domain.kernel.errors import Conflict, Gone, Invalid, Unavailable
from plexsphere_domain.kernel.ids import DomainId


class InvalidCursor(Invalid):
    """`Last-Event-ID` is no position of this stream: not a number, or beyond its end (the stream was rebuilt)."""

    code = "invalid_cursor"

    @property
    def detail(self) -> str:
        return "Last-Event-ID is not a position of the event stream"


class LastEventIdOutsideReplayWindow(Gone):
    """What followed the cursor is no longer retained: pull the state, then follow without a cursor."""

    code = "last_event_id_outside_replay_window"

    @property
    def detail(self) -> str:
        return "Last-Event-ID lies before the replay window; pull the state and connect without it"


class EventStreamUnavailable(Unavailable):
    """The bus is away. The state pull is not affected."""

    code = "event_stream_unavailable"

    @property
    def detail(self) -> str:
        return "the event stream is unavailable; try again shortly"


@define(eq=False)
class SigningKeyRotated(Conflict):
    """The kid that the bytes name is not the Domain's active one any more. Build them anew with the active one."""

    code = "kid_not_active"
    domain: DomainId


class CursorMoved(Conflict):
    """Another relay advanced this shard: it holds the lease now, and what this one just did is a duplicate."""

    code = "relay_cursor_moved"
