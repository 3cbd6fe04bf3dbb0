"""The wire form of a Node's desired state.

The document itself is encoded by the domain, byte for byte; these types describe it.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from plexsphere_adapters.http.wire import Form, JsonObject, Length, Named, Nullable, Pattern, Range, wire

CIDR = r"^([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}$|^[0-9a-fA-F:]+/[0-9]{1,3}$"
SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
HOST = r"^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$"
SECRET_REF = r"^secret:[^/]+/[^/]+/[^:]+(:[^:]+)?$"  # noqa: S105 — the form of a reference

CidrText = Annotated[str, Length(0, 49), Pattern(CIDR)]
SlugText = Annotated[str, Length(0, 63), Pattern(SLUG)]
Port = Annotated[int, Range(1, 65535)]
HostText = Annotated[str, Length(1, 253), Pattern(HOST)]
HostOrAddressText = Annotated[str, Length(1, 253), Pattern(HOST + r"|^[0-9a-fA-F:.]+$")]
SecretRefText = Annotated[str, Length(0, 512), Pattern(SECRET_REF)]
RoutingPolicy = Literal["bidirectional", "ingress_only", "egress_only"]


@wire
class NodeStatePeer:
    """Another Node of the Domain; `fallback_endpoint` is where it can be dialled."""

    node_id: UUID
    mesh_ip: Annotated[str, Length(1)]
    public_key: Annotated[str, Length(44, 44), Pattern(r"^[A-Za-z0-9+/]{43}=$")]
    fallback_endpoint: str | None = None


@wire
class Reachability:
    """What a Node's heartbeats say about it. `last_heartbeat_at` is absent before the first one."""

    state: Literal["healthy", "stale", "unreachable", "never_reported"]
    changed_at: datetime
    last_heartbeat_at: datetime | None = None


@wire
class PolicyPortRange:
    """Both ends included."""

    from_: Annotated[int, Range(1, 65535), Named("from")]
    to: Port


@wire
class NodeStateCompiledRule:
    """One rule, in the order in which it applies."""

    action: Literal["allow", "deny", "log"]
    protocol: Literal["tcp", "udp", "icmp", "any"]
    source_cidr: CidrText
    destination_cidr: CidrText
    ports: PolicyPortRange | None = None


@wire
class NodeStatePolicy:
    """The compiled policy. The fingerprint changes whenever a rule does."""

    revision_id: UUID
    fingerprint: Annotated[str, Form("byte"), Length(44, 44)]
    rules: tuple[NodeStateCompiledRule, ...]


@wire
class NodeStateBridgeRelayAssignment:
    """A peer that may be relayed for, and where it dials."""

    peer_node_id: UUID
    fallback_endpoint: str
    fallback_endpoint_port: Port


@wire
class NodeStateBridgeRelay:
    """The relay of a bridge."""

    enabled: bool
    listen_port: Port
    assignments: tuple[NodeStateBridgeRelayAssignment, ...]


@wire
class BridgeUserAccessProviderResponse:
    """A provider of user access."""

    id: UUID
    slug: SlugText
    kind: Literal["netbird", "tailscale", "wireguard"]
    interface_name: Annotated[str, Length(1)]
    listen_port: Port
    max_peers: Annotated[int, Range(1)]
    auth_secret_ref: SecretRefText
    routing_policy: JsonObject
    created_at: datetime
    updated_at: datetime


@wire
class NodeStateBridgeUserAccess:
    """User access through a bridge."""

    providers: tuple[BridgeUserAccessProviderResponse, ...]


@wire
class BridgeIngressRuleResponse:
    """A rule of ingress."""

    id: UUID
    slug: SlugText
    sni_host: HostText
    target_node_id: UUID
    target_port: Port
    created_at: datetime
    updated_at: datetime
    acme_account_ref: str | None = None


@wire
class NodeStateBridgeIngress:
    """Ingress through a bridge."""

    rules: tuple[BridgeIngressRuleResponse, ...]


@wire
class BridgeSiteToSiteTunnelResponse:
    """A tunnel to another site."""

    id: UUID
    slug: SlugText
    kind: Literal["wireguard", "ipsec", "openvpn"]
    remote_host: HostOrAddressText
    remote_port: Port
    auth_secret_ref: SecretRefText
    allowed_subnets: tuple[str, ...]
    routing_policy: RoutingPolicy
    created_at: datetime
    updated_at: datetime


@wire
class NodeStateBridgeSiteToSite:
    """Tunnels of a bridge."""

    tunnels: tuple[BridgeSiteToSiteTunnelResponse, ...]


@wire
class NodeStateBridge:
    """What a bridge should do."""

    relay: NodeStateBridgeRelay | None = None
    user_access: NodeStateBridgeUserAccess | None = None
    ingress: NodeStateBridgeIngress | None = None
    site_to_site: NodeStateBridgeSiteToSite | None = None


@wire
class StateEntry:
    """An entry of node state."""

    key: Annotated[str, Length(1, 128)]
    value: str
    workload_tag: str | None = None


@wire
class NodeStateReports:
    """Node state by kind, each ascending by key."""

    metadata: tuple[StateEntry, ...]
    data: tuple[StateEntry, ...]
    reports: tuple[StateEntry, ...]


@wire
class NodeStateExecution:
    """An action that the Node has yet to run or to finish."""

    execution_id: UUID
    action: str
    type: Literal["builtin", "hook"]
    status: Literal["pending", "ack", "started"]
    requested_at: datetime
    expires_at: datetime
    parameters: JsonObject | None = None


@wire
class SessionTargetSSH:
    """A login."""

    user: str
    allowed_commands: Annotated[tuple[str, ...], Length(0, 64)] = ()


@wire
class SessionTargetK8s:
    """An identity in a cluster."""

    user: str
    impersonate_groups: Annotated[tuple[str, ...], Length(0, 32)] = ()


@wire
class SessionTargetTCP:
    """An endpoint."""

    host: str
    port: Port


@wire
class SessionTarget:
    """Exactly one of the three."""

    ssh: SessionTargetSSH | None = None
    k8s: SessionTargetK8s | None = None
    tcp: SessionTargetTCP | None = None


@wire
class NodeStateSession:
    """A session that the Node serves."""

    session_id: UUID
    jti: str
    kind: Literal["ssh", "k8s", "tcp"]
    target: SessionTarget
    expires_at: datetime
    idle_timeout_seconds: Annotated[int, Range(0)] | None = None


@wire
class NodeStateSnapshot:
    """Everything that a Node should be. All members are always there; null says that nothing is known."""

    peers: tuple[NodeStatePeer, ...]
    policy: Annotated[NodeStatePolicy | None, Nullable()]
    bridge: Annotated[NodeStateBridge | None, Nullable()]
    state: Annotated[NodeStateReports | None, Nullable()]
    reports: Annotated[NodeStateReports | None, Nullable()]
    reachability: Reachability
    executions: tuple[NodeStateExecution, ...]
    sessions: tuple[NodeStateSession, ...]
