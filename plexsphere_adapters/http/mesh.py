"""What Nodes do every minute, and who watches them: heartbeats, reachability, desired state, events. The tag `mesh`."""

from datetime import datetime
from typing import Annotated, Self

from starlette.responses import Response

from plexsphere_adapters.http.admission import NODE, OPERATOR_OR_NODE, OPERATOR_OR_NODE_THROUGH_OUTAGES
from plexsphere_adapters.http.identifiers import NodeInPath
from plexsphere_adapters.http.lifecycle import Lifecycle
from plexsphere_adapters.http.node_state import NodeStateSnapshot, Reachability
from plexsphere_adapters.http.operation import KIB, Answer, Call, Gate, InHeader, Operation, ok, operation
from plexsphere_adapters.http.sse import EventStreamResponse
from plexsphere_adapters.http.wire import Expected, Form, JsonObject, Length, wire
from plexsphere_domain.authz.errors import PermissionDenied
from plexsphere_domain.authz.model import ObjectType, Permission
from plexsphere_domain.kernel.errors import DomainError, Refused
from plexsphere_domain.mesh.bus.errors import EventStreamUnavailable, InvalidCursor, LastEventIdOutsideReplayWindow
from plexsphere_domain.mesh.bus.stream import NodeEvents, parse_cursor
from plexsphere_domain.mesh.nodes.errors import NodeNotFound
from plexsphere_domain.mesh.nodes.listing import NodeListing
from plexsphere_domain.mesh.reachability.errors import (
    BinaryChecksumEmpty,
    BinaryVersionEmpty,
    ClockSkew,
    MalformedHeartbeat,
)
from plexsphere_domain.mesh.reachability.heartbeat import MAX_VERSION, HeartbeatReceipt
from plexsphere_domain.mesh.reachability.service import HeartbeatIntake, ReachabilityReading
from plexsphere_domain.mesh.state.service import DesiredState


class InsufficientRelation(Refused):
    """The caller is no agent of the Node. These reads tell it as a plain problem."""

    code = "insufficient_relation"

    @property
    def detail(self) -> str:
        return "the caller may not act as the agent of this Node"


def _not_agent(_: PermissionDenied) -> DomainError:
    return InsufficientRelation()


AGENT = Gate(type=ObjectType.NODE, permission=Permission.NODE_AGENT, on="id", denied=_not_agent)


@wire(closed=True)
class HeartbeatRequest:
    """A Node's word that it lives. `binary_checksum` is a SHA-256; older agents spell it in lower-case hex."""

    client_now: datetime
    nat_summary: JsonObject
    binary_checksum: Annotated[str, Form("byte"), Length(44, 44), Expected()] = ""
    binary_version: Annotated[str, Length(1, MAX_VERSION), Expected()] = ""


@wire
class HeartbeatResponse:
    """The heartbeat was heard."""

    accepted_at: datetime
    reconcile: bool
    rotate_keys: bool

    @classmethod
    def of(cls, receipt: HeartbeatReceipt) -> Self:
        return cls(accepted_at=receipt.accepted_at, reconcile=receipt.reconcile, rotate_keys=receipt.rotate_keys)


@operation(
    "POST",
    "/v1/nodes/{id}/heartbeat",
    id="PostNodeHeartbeat",
    tag="mesh",
    admission=NODE,
    body=HeartbeatRequest,
    cap=16 * KIB,
    malformed=lambda _: MalformedHeartbeat(),
    oversized=lambda _: MalformedHeartbeat(),
    returns=ok(HeartbeatResponse),
    problems=[ClockSkew, BinaryChecksumEmpty, BinaryVersionEmpty],
)
async def heartbeat(call: Call[HeartbeatRequest], intake: HeartbeatIntake, id: NodeInPath) -> HeartbeatResponse:
    """Tell that the Node lives."""
    receipt = await intake.take(
        id,
        client_now=call.body.client_now,
        binary_checksum=call.body.binary_checksum,
        binary_version=call.body.binary_version,
        nat_summary=call.body.nat_summary,
    )
    return HeartbeatResponse.of(receipt)


@operation(
    "GET",
    "/v1/nodes/{id}/reachability",
    id="GetNodeReachability",
    tag="mesh",
    admission=OPERATOR_OR_NODE,
    gate=AGENT,
    returns=ok(Reachability),
    problems=[InsufficientRelation, NodeNotFound],
)
async def reachability(call: Call[None], reading: ReachabilityReading, id: NodeInPath) -> Reachability:
    """Read how a Node is reachable."""
    verdict = await reading.of(id, seen=call.standing)
    return Reachability(
        state=verdict.state.value, changed_at=verdict.changed_at, last_heartbeat_at=verdict.last_heartbeat_at
    )


@operation(
    "GET",
    "/v1/nodes/{id}/state",
    id="GetNodeState",
    tag="mesh",
    admission=OPERATOR_OR_NODE_THROUGH_OUTAGES,
    gate=AGENT,
    returns=ok(NodeStateSnapshot),
    problems=[InsufficientRelation, NodeNotFound],
)
async def state(call: Call[None], desired: DesiredState, id: NodeInPath) -> bytes:
    """Pull everything that a Node should be."""
    return (await desired.of(id, seen=call.standing)).encode()


@operation(
    "GET",
    "/v1/nodes/{id}/events",
    id="GetNodeEvents",
    tag="mesh",
    admission=OPERATOR_OR_NODE,
    gate=AGENT,
    returns=Answer(200, str, media_type="text/event-stream", headers=("X-Plexsphere-API-Version", "Cache-Control")),
    problems=[
        InsufficientRelation,
        NodeNotFound,
        InvalidCursor,
        LastEventIdOutsideReplayWindow,
        EventStreamUnavailable,
    ],
)
async def events(
    call: Call[None],
    nodes: NodeListing,
    stream: NodeEvents,
    lifecycle: Lifecycle,
    id: NodeInPath,
    last_event_id: Annotated[str | None, InHeader("Last-Event-ID")] = None,
) -> Response:
    """Follow the signed events that concern a Node."""
    domain = await nodes.domain_of(id)
    following = await stream.open(domain, id, parse_cursor(last_event_id))
    return EventStreamResponse(following, lifecycle.draining)


OPERATIONS: tuple[Operation, ...] = (heartbeat, reachability, state, events)
