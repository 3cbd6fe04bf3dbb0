"""The API in one process on memory: real operations, real gates, no server."""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Self
from uuid import UUID, uuid4

import httpx
from attrs import Factory, define, field

from plexsphere_adapters.crypto.ed25519 import verify
from plexsphere_adapters.crypto.keywrap import AesGcmKeyWrap, FixedWrapKeys, WrapKey
from plexsphere_adapters.http import bootstrap_tokens, mesh, nodes, register, resources, tenancy
from plexsphere_adapters.http.admission import Credentials
from plexsphere_adapters.http.application import application
from plexsphere_adapters.http.csrf import CsrfGuard
from plexsphere_adapters.http.cursors import Cursors
from plexsphere_adapters.http.endpoint import Surroundings
from plexsphere_adapters.http.lifecycle import Lifecycle
from plexsphere_adapters.memory.authz import MemoryDecisionJournal, MemoryGraph, MemoryResidency, MemoryTupleLedger
from plexsphere_adapters.memory.bus import MemoryStream
from plexsphere_adapters.memory.mesh import (
    MemoryHeartbeatLog,
    MemoryNodeCredentials,
    MemoryNodeDirectory,
    MemoryPeerLog,
    MemoryStandings,
)
from plexsphere_adapters.memory.transactions import MemoryTransaction, MemoryTransactions
from plexsphere_adapters.postgres.encoding import payload_of
from plexsphere_adapters.system import random_bytes, uuid7
from plexsphere_domain.authz.last_known import LastKnownDecisions, StaleTtl
from plexsphere_domain.authz.model import PLATFORM, ObjectRef, ObjectType, Permission, Relation, RelationTuple
from plexsphere_domain.authz.projection import Changes, Fact
from plexsphere_domain.authz.projector import TupleProjector
from plexsphere_domain.authz.service import Authorizer
from plexsphere_domain.identity.api_tokens.model import ApiToken
from plexsphere_domain.identity.api_tokens.plaintext import ApiTokenPlaintext
from plexsphere_domain.identity.api_tokens.ports import StoredApiToken
from plexsphere_domain.identity.api_tokens.service import ApiTokenAuthentication
from plexsphere_domain.identity.bootstrap_tokens.service import BootstrapTokens
from plexsphere_domain.identity.registration.model import DomainSigningKey
from plexsphere_domain.identity.registration.service import Registration
from plexsphere_domain.kernel.actor import Actor, Principal, PrincipalKind
from plexsphere_domain.kernel.errors import Unavailable
from plexsphere_domain.kernel.ids import ApiTokenId, DomainId, NodeId
from plexsphere_domain.mesh.bus.admission import Admission
from plexsphere_domain.mesh.bus.ports import Record
from plexsphere_domain.mesh.bus.stream import NodeEvents
from plexsphere_domain.mesh.nodes.authentication import NodeAuthentication
from plexsphere_domain.mesh.nodes.listing import NodeListing
from plexsphere_domain.mesh.nodes.model import NodeCredential
from plexsphere_domain.mesh.reachability.ports import Standing
from plexsphere_domain.mesh.reachability.service import HeartbeatIntake, ReachabilityReading
from plexsphere_domain.mesh.state.directories import PeerDirectories
from plexsphere_domain.mesh.state.service import DesiredState, PeersOfNode
from plexsphere_domain.tenancy.domains.service import Domains
from plexsphere_domain.tenancy.projects.service import Projects
from plexsphere_domain.tenancy.resources.service import Resources
from tests.ports.bootstrap_tokens import QuickHasher
from tests.ports.tenancy import Retirement, Ticking

JsonBody = dict[str, Any]

OPERATIONS = (
    *tenancy.OPERATIONS,
    *resources.OPERATIONS,
    *bootstrap_tokens.OPERATIONS,
    *register.OPERATIONS,
    *nodes.OPERATIONS,
    *mesh.OPERATIONS,
)


@define
class Graph:
    """The relation graph as facts make it: what was committed is projected when somebody waits for it."""

    transactions: MemoryTransactions
    graph: MemoryGraph
    ledger: MemoryTupleLedger = Factory(MemoryTupleLedger)

    async def caught_up(self) -> None:
        events = self.transactions.tables.events[len(self.ledger.facts) :]
        self.ledger.facts += [Fact(each.type, each.domain_id, json.loads(payload_of(each))) for each in events]
        await TupleProjector(ledger=self.ledger, graph=self.graph).step()


@define
class Caller:
    """Somebody with an API token."""

    id: UUID
    client: httpx.AsyncClient

    async def call(self, method: str, path: str, body: object = None, **more: Any) -> httpx.Response:
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {"content-type": "application/json"} | more.pop("headers", {})
        return await self.client.request(method, path, content=content, headers=headers, **more)

    async def made(self, path: str, body: object) -> JsonBody:
        response = await self.call("POST", path, body)
        assert response.status_code == 201, response.text
        assert response.headers["location"]
        made: JsonBody = response.json()
        return made

    async def refused(self, method: str, path: str, body: object = None, **more: Any) -> tuple[int, str]:
        """The status and the code of the refusal, whose form is checked."""
        response = await self.call(method, path, body, **more)
        problem = response.json()
        assert response.headers["content-type"] == "application/problem+json"
        assert problem["type"] == "https://plexsphere.com/errors/" + problem["code"].replace("_", "-")
        assert problem["status"] == response.status_code
        assert problem["instance"] == path.partition("?")[0]
        assert problem["detail"]
        assert problem["correlation_id"] == response.headers["x-correlation-id"]
        return response.status_code, problem["code"]


@define
class Api:
    transactions: MemoryTransactions
    graph: Graph
    tokens: dict[ApiTokenId, ApiToken] = Factory(dict)
    hasher: QuickHasher = Factory(QuickHasher)
    retirement: Retirement = Factory(Retirement)
    clock: Ticking = Factory(Ticking)
    stream: MemoryStream = Factory(MemoryStream)
    lifecycle: Lifecycle = Factory(Lifecycle)
    signer: "Signer" = Factory(lambda: Signer())
    datastore_away: bool = False
    directories: PeerDirectories = field(init=False)
    app: Any = field(init=False)

    @classmethod
    def on_memory(cls, operator: UUID) -> Self:
        """An API with one platform operator."""
        transactions = MemoryTransactions()
        appointed = RelationTuple(PLATFORM, Relation.OPERATOR, ObjectRef(ObjectType.USER, operator))
        return cls(transactions, Graph(transactions, MemoryGraph.of(appointed)))

    def __attrs_post_init__(self) -> None:
        self.directories = PeerDirectories(MemoryPeerLog(self.transactions))
        authorizer = Authorizer(
            graph=self.graph.graph,
            residency=MemoryResidency(),
            journal=MemoryDecisionJournal(),
            clock=self.clock,
            known=LastKnownDecisions(StaleTtl()),
        )

        def seen(type: ObjectType, permission: Permission) -> Any:
            async def visible(actor: Actor, ids: Iterable[UUID], /) -> frozenset[UUID]:
                return await authorizer.visible(actor, permission, type, ids)

            return visible

        common: Any = {"transactions": self.transactions, "clock": self.clock, "new_id": uuid7}
        services = {
            Domains: Domains(**common, readable=seen(ObjectType.DOMAIN, Permission.READ)),
            Projects: Projects(**common, readable=seen(ObjectType.PROJECT, Permission.READ)),
            Resources: Resources[MemoryTransaction](
                **common, observable=seen(ObjectType.RESOURCE, Permission.OBSERVE), retirement=self.retirement
            ),
            BootstrapTokens: BootstrapTokens(**common, random_bytes=random_bytes, hasher=self.hasher),
            Registration: Registration(
                **common,
                random_bytes=random_bytes,
                hasher=self.hasher,
                signing_keys=self.signer,
                wrap=AesGcmKeyWrap(FixedWrapKeys((WrapKey("w1", random_bytes(32)),))),
                peers=PeersOfNode(self.standings, self.directories),
            ),
            NodeListing: NodeListing(MemoryNodeDirectory(self.transactions), seen(ObjectType.NODE, Permission.READ)),
            HeartbeatIntake: HeartbeatIntake(MemoryHeartbeatLog(self.transactions, self.clock), self.clock),
            ReachabilityReading: ReachabilityReading(self.standings, self.clock),
            DesiredState: DesiredState(standings=self.standings, directories=self.directories, clock=self.clock),
            NodeEvents: NodeEvents(self.stream.window, self.stream, Admission(self.signer, verify, StreamSilence())),
            Lifecycle: self.lifecycle,
        }
        around = Surroundings(
            credentials=Credentials(
                operators=ApiTokenAuthentication(self._token, self.hasher, self.clock),
                nodes=NodeAuthentication(lookup=self._credential, clock=self.clock, grace=timedelta(minutes=5)),
                csrf=CsrfGuard(None),
            ),
            authorizer=authorizer,
            projection=self.graph,
            cursors=Cursors(random_bytes(32)),
            services=services,
            new_id=uuid7,
            observe=lambda operation, status, seconds: None,
            trust_proxy_headers=False,
        )
        self.app = application(OPERATIONS, around)

    async def caller(self, id: UUID | None = None) -> Caller:
        """A user, with a client that carries its token."""
        principal = Principal(PrincipalKind.USER, id or uuid4())
        token_id = ApiTokenId(uuid7())
        plaintext = ApiTokenPlaintext.compose(env="test", id=token_id, random=random_bytes(20)).text
        self.tokens[token_id] = ApiToken(
            id=token_id,
            principal=principal,
            hash=await self.hasher.hash(plaintext),
            name="test",
            created_at=self.clock.now(),
        )
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url="http://plexsphere.test",
            headers={"authorization": f"Bearer {plaintext.reveal()}"},
        )
        return Caller(principal.id, client)

    async def grant(self, relation: Relation, on: ObjectRef, to: Caller) -> None:
        granted = RelationTuple(on, relation, ObjectRef(ObjectType.USER, to.id))
        await self.graph.graph.apply(Changes(touched=frozenset({granted})))

    async def _token(self, token: ApiTokenId) -> StoredApiToken | None:
        stored = self.tokens.get(token)
        return StoredApiToken(stored, None) if stored else None

    async def _credential(self, node: NodeId) -> NodeCredential | None:
        self._reach()
        return await MemoryNodeCredentials(self.transactions)(node)

    async def standings(self, node: NodeId) -> Standing | None:
        self._reach()
        return await MemoryStandings(self.transactions)(node)

    def _reach(self) -> None:
        if self.datastore_away:
            raise DatastoreAway


class DatastoreAway(Unavailable):
    code = "datastore_unavailable"


@define
class Signer:
    """One signing key for every Domain; `away` plays the outage."""

    away: bool = False

    async def active(self, domain: DomainId) -> DomainSigningKey:
        if self.away:
            raise SignerAway
        return DomainSigningKey(f"did:web:test#key-{domain}-1", bytes(range(32)))

    async def public_key(self, domain: DomainId, kid: str) -> bytes | None:
        return bytes(range(32))


class SignerAway(Unavailable):
    code = "signing_unavailable"


class StreamSilence:
    """Reports to nobody."""

    def dropped(self, record: Record, reason: str) -> None:
        pass
