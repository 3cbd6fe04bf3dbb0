"""The API in one process on memory: real operations, real gates, no server."""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Self
from uuid import UUID, uuid4

import httpx
from attrs import Factory, define, field

from plexsphere_adapters.http import bootstrap_tokens, resources, tenancy
from plexsphere_adapters.http.admission import Credentials
from plexsphere_adapters.http.application import application
from plexsphere_adapters.http.csrf import CsrfGuard
from plexsphere_adapters.http.cursors import Cursors
from plexsphere_adapters.http.endpoint import Surroundings
from plexsphere_adapters.memory.authz import MemoryDecisionJournal, MemoryGraph, MemoryResidency, MemoryTupleLedger
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
from plexsphere_domain.kernel.actor import Actor, Principal, PrincipalKind
from plexsphere_domain.kernel.ids import ApiTokenId, NodeId
from plexsphere_domain.mesh.nodes.authentication import NodeAuthentication
from plexsphere_domain.tenancy.domains.service import Domains
from plexsphere_domain.tenancy.projects.service import Projects
from plexsphere_domain.tenancy.resources.service import Resources
from tests.ports.bootstrap_tokens import QuickHasher
from tests.ports.tenancy import Retirement, Ticking

JsonBody = dict[str, Any]

OPERATIONS = (*tenancy.OPERATIONS, *resources.OPERATIONS, *bootstrap_tokens.OPERATIONS)


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
    app: Any = field(init=False)

    @classmethod
    def on_memory(cls, operator: UUID) -> Self:
        """An API with one platform operator."""
        transactions = MemoryTransactions()
        appointed = RelationTuple(PLATFORM, Relation.OPERATOR, ObjectRef(ObjectType.USER, operator))
        return cls(transactions, Graph(transactions, MemoryGraph.of(appointed)))

    def __attrs_post_init__(self) -> None:
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
        }
        around = Surroundings(
            credentials=Credentials(
                operators=ApiTokenAuthentication(self._token, self.hasher, self.clock),
                nodes=NodeAuthentication(lookup=self._nobody, clock=self.clock, grace=timedelta(0)),
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

    async def _nobody(self, node: NodeId) -> None:
        return None
