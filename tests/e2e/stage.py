"""What wrong requests are tried on, and how an answer that refuses must look."""

from collections.abc import Callable
from typing import Any, Final

import httpx
import pytest
from attrs import evolve, frozen

from tests.e2e.client import Json, Machine, Node, Operator, Place
from tests.e2e.principals import revoke, stranger
from tests.e2e.system import System

UNKNOWN: Final = "01900000-0000-7000-8000-000000000001"
NIL: Final = "00000000-0000-0000-0000-000000000000"
PROBLEM: Final = "https://plexsphere.com/errors/"
MEMBERS: Final = {"type", "title", "status", "detail", "instance", "correlation_id"}
DENIED: Final = {*MEMBERS, "code", "reason", "relation_path"}
LARGEST: Final = 4096
"""Bytes of a problem that agents read."""

AS_OPERATOR: Final = ""
"""Stands for the first operator's token."""

AGED: Final = """
    UPDATE plexsphere.bootstrap_tokens
       SET issued_at = now() - interval '2 hours', expires_at = now() - interval '1 hour'
     WHERE id = %(id)s
"""
REDEEMED: Final = "SELECT bootstrap_token_id::text AS id FROM plexsphere.nodes WHERE id = %(id)s"


@frozen(kw_only=True)
class Stage:
    """A Domain with a Node, tokens in every condition, and callers of every kind."""

    http: httpx.AsyncClient
    """Sends no credential by itself."""
    operator: str
    stranger: str
    revoked: str
    place: Place
    elsewhere: Place
    node: Node
    foreign: Node
    live: Machine
    consumed: Machine
    expired: Machine
    withdrawn: Machine
    bridge: Machine
    consumed_id: str
    withdrawn_id: str

    def ask(self, method: str, path: str, *, token: str | None = AS_OPERATOR, **options: Any) -> httpx.Request:
        """A request of the operator, of who has `token`, or of nobody where that is None."""
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token or self.operator}"
        return self.http.build_request(method, path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx.Request:
        return self.ask("GET", path, **options)

    def post(self, path: str, json: Json | None = None, **options: Any) -> httpx.Request:
        body: dict[str, Any] = {} if json is None else {"json": json}
        return self.ask("POST", path, **body, **options)

    def patch(self, path: str, json: Json) -> httpx.Request:
        return self.ask("PATCH", path, json=json)

    def delete(self, path: str, **options: Any) -> httpx.Request:
        return self.ask("DELETE", path, **options)

    def register(self, machine: Machine, **other: Any) -> httpx.Request:
        return self.post("/v1/register", machine.request(**other), token=None)

    def as_node(self, method: str, what: str, **options: Any) -> httpx.Request:
        """What the Node itself asks about itself."""
        return self.ask(method, f"/v1/nodes/{self.node.id}/{what}", token=self.node.bearer, **options)

    @property
    def domain(self) -> str:
        return f"/v1/domains/{self.place.domain['id']}"

    @property
    def project(self) -> str:
        return f"/v1/projects/{self.place.project['id']}"


@frozen
class Wrong:
    """A request that is refused, and with what."""

    what: str
    status: int
    code: str | None
    request: Callable[[Stage], httpx.Request]
    told: str = ""
    """What the detail has to mention."""

    async def is_refused(self, on: Stage) -> Json:
        """The problem that is answered."""
        request = self.request(on)
        problem = problem_in(await on.http.send(request), self.status, self.code)
        assert problem["instance"] == request.url.path
        assert self.told in problem["detail"]
        return problem


def each(wrongs: list[Wrong]) -> pytest.MarkDecorator:
    """One test per request."""
    return pytest.mark.parametrize("wrong", wrongs, ids=[wrong.what for wrong in wrongs])


def problem_in(answer: httpx.Response, status: int, code: str | None) -> Json:
    """The problem of a refusal, which has the form that agents can read."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert len(answer.content) < LARGEST
    problem: Json = answer.json()
    assert problem.keys() >= MEMBERS
    assert problem.get("code") == code
    assert problem["status"] == status
    assert problem["type"].startswith(PROBLEM)
    assert code is None or problem["type"] == PROBLEM + code.replace("_", "-")
    assert problem["title"]
    assert problem["correlation_id"] == answer.headers["X-Correlation-Id"]
    return problem


async def stage_of(system: System, operator: Operator, http: httpx.AsyncClient) -> Stage:
    """All of it, made anew; `http` sends no credential by itself."""
    place, elsewhere = await operator.place(), await operator.place()
    live, consumed = await operator.machine(place), await operator.machine(place)
    node = await consumed.enrol(http)
    tokens = {name: await operator.token(place.project) for name in ("expired", "withdrawn")}
    tokens["bridge"] = await operator.token(place.project, kind="bridge")
    revoked = await operator.http.delete(
        f"/v1/projects/{place.project['id']}/bootstrap-tokens/{tokens['withdrawn']['token_id']}"
    )
    assert revoked.status_code == 204
    await system.rows(AGED, id=tokens["expired"]["token_id"])
    [redeemed] = await system.rows(REDEEMED, id=node.id)
    former = await stranger(system)
    await revoke(system, former)
    return Stage(
        http=http,
        operator=system.operator_token,
        stranger=(await stranger(system)).token,
        revoked=former.token,
        place=place,
        elsewhere=elsewhere,
        node=node,
        foreign=await operator.node(elsewhere),
        live=live,
        consumed=consumed,
        expired=evolve(live, token=tokens["expired"]["token"]),
        withdrawn=evolve(live, token=tokens["withdrawn"]["token"]),
        bridge=evolve(live, token=tokens["bridge"]["token"]),
        consumed_id=redeemed["id"],
        withdrawn_id=tokens["withdrawn"]["token_id"],
    )
