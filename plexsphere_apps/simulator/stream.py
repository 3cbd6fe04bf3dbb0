"""Following the event stream: one connection after another, every frame verified."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import h11
from attrs import define

from plexsphere_apps.simulator import canonical, problem
from plexsphere_apps.simulator.calls import EVENTS, Calls
from plexsphere_apps.simulator.canonical import Envelope, NoEnvelope
from plexsphere_apps.simulator.deliveries import Deliveries, Run
from plexsphere_apps.simulator.frames import Frame, FrameParser, LineTooLong
from plexsphere_apps.simulator.http import NetworkFailure, Stream
from plexsphere_apps.simulator.reconciler import Reconciler
from plexsphere_apps.simulator.reconnection import Ended, Failed, Mode, Outcome, Reconnection, Refused
from plexsphere_apps.simulator.standing import Standing
from plexsphere_apps.simulator.verification import KeyStore, Refusal

RECONCILING: Final = frozenset(
    {
        "node_state_updated",
        "policy_updated",
        "bridge_config_updated",
        "action_request",
        "session_setup",
        "peer_registered",
        "peer_psk_assigned",
        "peer_deregistered",
        "peer_endpoint_changed",
        "peer_key_rotated",
        "session_revoked",
    }
)

HEADERS: Final[Mapping[str, str]] = {"Accept": "text/event-stream", "Cache-Control": "no-cache"}


@define
class _Place:
    """Where in the stream the agent is, for the comparison with the others."""

    scope: str = ""
    first: int = 0
    last: int = 0
    received: int = 0


class EventStream:
    """One agent's loop. Ends only when the server refuses for good."""

    def __init__(
        self,
        calls: Calls,
        standing: Standing,
        keys: KeyStore,
        reconciler: Reconciler,
        deliveries: Deliveries,
        changed: Callable[[], None],
    ) -> None:
        self._calls = calls
        self._standing = standing
        self._keys = keys
        self._reconciler = reconciler
        self._deliveries = deliveries
        self._changed = changed
        self._place = _Place()
        self._replaying = False
        self._empty_streams = 0

    async def run(self) -> None:
        reconnection = Reconnection(self._calls.timing, asyncio.get_running_loop().time)
        try:
            while True:
                outcome = await self._connect(reconnection)
                following = reconnection.after(outcome)
                self._enter(reconnection.mode)
                if following.forget_cursor:
                    self._forget_cursor()
                if following.wait is None:
                    return
                await asyncio.sleep(following.wait)
        finally:
            self._close_run()

    async def _connect(self, reconnection: Reconnection) -> Outcome:
        cursor = self._standing.cursor
        headers = {**HEADERS, "Last-Event-ID": cursor} if cursor else HEADERS
        request = self._calls.request(EVENTS, f"/v1/nodes/{self._standing.node_id}/events", headers=headers)
        lifetime = asyncio.timeout(self._calls.timing.stream_lifetime)
        try:
            async with self._calls.origin.stream(request, timeout=self._calls.timing.request) as stream:
                if not 200 <= stream.status < 300:
                    return await self._refused(stream, cursor)
                self._connected(stream, reconnection, cursor)
                async with lifetime:
                    return await self._follow(stream)
        except TimeoutError:
            return Ended() if lifetime.expired() else Failed()
        except (NetworkFailure, OSError, h11.ProtocolError):
            self._calls.observations.count("events network failure")
            return Failed()

    async def _refused(self, stream: Stream, cursor: str) -> Refused:
        answer = await stream.answer(timeout=self._calls.timing.request)
        self._calls.check(EVENTS, answer)
        code = problem.read(answer).code
        if answer.status in (401, 403, 404):
            self._calls.violation(EVENTS, "a Node may follow its own stream", f"{answer.status} {code}")
        return Refused(status=answer.status, code=code, retry_after=answer.retry_after, with_cursor=bool(cursor))

    def _connected(self, stream: Stream, reconnection: Reconnection, cursor: str) -> None:
        self._calls.observations.count(f"{EVENTS.name} {stream.status}")
        for name, value in (("cache-control", "no-cache"), ("x-plexsphere-api-version", "v1")):
            if stream.headers.get(name) != value:
                self._calls.violation(EVENTS, f"the stream has `{name}: {value}`", stream.headers.get(name, "absent"))
        if not stream.headers.get("content-type", "").startswith("text/event-stream"):
            self._calls.violation(EVENTS, "the stream is text/event-stream", stream.headers.get("content-type", ""))
        if stream.headers.get("content-encoding", "identity") != "identity":
            self._calls.violation(EVENTS, "the stream is not compressed")
        self._replaying = bool(cursor)
        reconnection.connected()
        self._standing.connects += 1
        self._enter(Mode.STREAMING)
        self._reconciler.trigger()

    async def _follow(self, stream: Stream) -> Outcome:
        parser = FrameParser()
        heard = False
        while True:
            chunk = await stream.read(idle=self._calls.timing.stream_idle)
            if chunk is None:
                return self._ended(heard)
            heard = True
            try:
                for frame in parser.feed(chunk):
                    self._receive(frame)
            except LineTooLong:
                self._calls.violation(EVENTS, "a line is below 65,536 bytes")
                return Ended()

    def _ended(self, heard: bool) -> Ended:
        """A server that keeps ending its streams before the first byte makes every agent spin."""
        self._empty_streams = 0 if heard else self._empty_streams + 1
        if self._empty_streams > 2:
            self._calls.violation(EVENTS, "a stream is not ended as soon as it was opened")
        return Ended()

    def _receive(self, frame: Frame) -> None:
        self._advance(frame)
        try:
            envelope = canonical.parse(frame.data)
        except NoEnvelope as broken:
            self._calls.violation(EVENTS, "the data of a frame is an envelope", str(broken))
            return
        now = datetime.now(UTC)
        self._look_over(frame, envelope)
        refusal = self._keys.refuses(envelope, now)
        if refusal is not None:
            self._skip(refusal, envelope)
            return
        if envelope.instant is not None and not self._replaying:
            self._calls.observations.took("delivery", max(0.0, (now - envelope.instant).total_seconds()))
        self._dispatch(envelope)

    def _advance(self, frame: Frame) -> None:
        """Remembers the frame's id, whatever its data turns out to be."""
        if frame.id is None or not (frame.id.isascii() and frame.id.isdigit()):
            self._calls.violation(EVENTS, "a frame has a decimal id", str(frame.id))
            return
        if self._standing.cursor and int(frame.id) <= int(self._standing.cursor):
            self._calls.violation(EVENTS, "ids ascend", f"{frame.id} after {self._standing.cursor}")
        self._standing.cursor = frame.id

    def _look_over(self, frame: Frame, envelope: Envelope) -> None:
        if frame.event != envelope.type:
            self._calls.violation(EVENTS, "`event:` is the envelope's type", f"{frame.event} {envelope.type}")
        if not envelope.exact:
            self._calls.violation(EVENTS, "the data is the signed bytes and their signature", repr(frame.data[:300]))
        if not envelope.scope.startswith("domain:"):
            self._calls.violation(EVENTS, "`scope` names the Domain", envelope.scope)
        addressee = envelope.payload.get("node_id") if isinstance(envelope.payload, dict) else None
        if addressee is not None and addressee != str(self._standing.node_id):
            self._calls.violation(EVENTS, "`payload.node_id` is the Node of the stream", str(addressee))
        if addressee is None:
            self._compare(envelope)

    def _compare(self, envelope: Envelope) -> None:
        """Keeps count of what is said to the whole Domain."""
        place = int(self._standing.cursor or 0)
        if self._place.scope not in ("", envelope.scope):
            self._calls.violation(EVENTS, "`scope` stays the same", f"{self._place.scope} {envelope.scope}")
            self._close_run()
        if not self._deliveries.note(envelope.scope, place, envelope.id):
            self._calls.violation(EVENTS, "an event has one place in the stream", f"{envelope.id} at {place}")
        if not self._place.received:
            self._place = _Place(envelope.scope, first=place)
        self._place.last = place
        self._place.received += 1

    def _skip(self, refusal: Refusal, envelope: Envelope) -> None:
        self._calls.observations.count(f"events {refusal}")
        # What is replayed keeps its instant, and may be older than an agent believes.
        if refusal is Refusal.STALE and self._replaying:
            return
        self._calls.violation(EVENTS, f"envelopes are believable: {refusal}", f"{envelope.type} {envelope.issued_at}")

    def _dispatch(self, envelope: Envelope) -> None:
        self._standing.events += 1
        self._standing.last_event = envelope.type
        self._calls.observations.count(f"event {envelope.type}")
        peer = _peer(envelope.payload)
        if envelope.type == "peer_registered" and peer:
            self._reconciler.announced(peer)
        if envelope.type == "peer_deregistered" and peer:
            self._reconciler.withdrawn(peer)
        if envelope.type in RECONCILING:
            self._reconciler.trigger()
        if envelope.type == "signing_key_rotated" and not self._keys.rotate(envelope.payload):
            self._calls.violation(EVENTS, "`signing_key_rotated` brings a usable key")
        if envelope.type == "rotate_keys":
            self._standing.rotation_asked = True
        self._changed()

    def _enter(self, mode: Mode) -> None:
        if self._standing.mode is not mode:
            self._standing.mode = mode
            self._changed()

    def _forget_cursor(self) -> None:
        self._standing.cursor = ""
        self._close_run()

    def _close_run(self) -> None:
        place, self._place = self._place, _Place()
        if place.received:
            self._deliveries.close(Run(self._standing.name, place.scope, place.first, place.last, place.received))


def _peer(payload: Any) -> str:
    """The peer that an announcement is about."""
    named = payload.get("peer_node_id") if isinstance(payload, dict) else None
    return named if isinstance(named, str) else ""
