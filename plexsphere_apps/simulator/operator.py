"""The operator's side of an enrolment: Domain, Project, Resources and bootstrap tokens, found or made."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from ipaddress import IPv4Network
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from attrs import define, field, frozen

from plexsphere_apps.simulator import problem
from plexsphere_apps.simulator.http import Answer, NetworkFailure, Origin, Request
from plexsphere_apps.simulator.identity import Enrolment
from plexsphere_domain.kernel.secrets import SecretStr

PATIENCE: Final = 30.0
"""Seconds over which an outage of the server is waited for."""

PAUSE: Final = 0.5
TOKEN_LIFE: Final = 3600
RESOURCE_KIND: Final = "virtual-machine"

POOLS: Final = tuple(IPv4Network("100.64.0.0/10").subnets(new_prefix=16))
"""Mesh pools for new Domains: 65,533 Nodes each."""


@define(eq=False)
class OperatorRefused(Exception):
    """The server did not do what the seeding needs. `status` is 0 where there was no answer; `code` says why then."""

    what: str
    status: int
    code: str

    def __str__(self) -> str:
        return f"{self.what}: {self.status or 'no answer,'} {self.code}".rstrip(" ,")


def _in_silence(_line: str) -> None:
    """Tell nobody."""


@frozen(kw_only=True)
class Operator:
    """Calls with an operator's API token. `tell` hears, in a line, of each outage that a call waits for."""

    origin: Origin
    token: SecretStr = field(repr=False)
    tell: Callable[[str], None] = _in_silence

    async def domain(self, slug: str) -> str:
        """The id of the Domain with this slug."""
        return await self._find("/v1/domains", {}, slug) or await self._create_domain(slug)

    async def project(self, domain_id: str, slug: str) -> str:
        """The id of the Domain's Project with this slug."""
        of_domain = {"domain_id": domain_id}
        found = await self._find("/v1/projects", of_domain, slug)
        if found is not None:
            return found
        answer = await self._send("POST", "/v1/projects", of_domain | {"name": slug, "slug": slug})
        return await self._created_or_found(answer, "/v1/projects", of_domain, slug)

    async def handles(self, project_id: str) -> set[str]:
        """The handles of the Project's Resources."""
        path = f"/v1/projects/{project_id}/resources"
        return {str(item["external_ref"]) async for item in self._all(path, {}) if "external_ref" in item}

    async def resource(self, project_id: str, handle: str) -> None:
        """An adopted Resource of this handle; it may be there already, from a try whose answer was lost."""
        body = {"origin": "adopted", "kind": RESOURCE_KIND, "external_ref": handle}
        answer = await self._send("POST", f"/v1/projects/{project_id}/resources", body)
        if problem.read(answer).code != "resource_external_ref_conflict":
            _created(answer, "create a Resource")

    async def enrolment(self, project_id: str, handle: str) -> Enrolment:
        """What an agent needs to enrol on the Resource: a fresh bootstrap token."""
        body = {"kind": "node", "env_prefix": "sim", "ttl_seconds": TOKEN_LIFE}
        answer = await self._send("POST", f"/v1/projects/{project_id}/bootstrap-tokens", body)
        token = SecretStr(str(_created(answer, "issue a bootstrap token")["token"]))
        return Enrolment(project_id=project_id, resource_handle=handle, bootstrap_token=token)

    async def _create_domain(self, slug: str) -> str:
        for pool in POOLS:
            answer = await self._send("POST", "/v1/domains", {"name": slug, "slug": slug, "mesh_cidr": str(pool)})
            if problem.read(answer).code != "mesh_cidr_overlap":
                return await self._created_or_found(answer, "/v1/domains", {}, slug)
        raise OperatorRefused("create the Domain: every pool is taken", 409, "mesh_cidr_overlap")

    async def _created_or_found(self, answer: Answer, path: str, query: Mapping[str, str], slug: str) -> str:
        """The id of what was created now, by somebody else, or by a try of ours whose answer was lost."""
        if problem.read(answer).code in ("domain_slug_conflict", "project_slug_conflict"):
            found = await self._find(path, query, slug)
            if found is not None:
                return found
        return str(_created(answer, f"create {path}/{slug}")["id"])

    async def _find(self, path: str, query: Mapping[str, str], slug: str) -> str | None:
        async for item in self._all(path, query):
            if item["slug"] == slug:
                return str(item["id"])
        return None

    async def _all(self, path: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        cursor: dict[str, str] = {}
        while True:
            answer = await self._send("GET", f"{path}?{urlencode({**query, 'limit': '200', **cursor})}")
            page = _document(answer, f"list {path}", 200)
            for item in page["items"]:
                yield item
            if not page.get("next_cursor"):
                return
            cursor = {"cursor": page["next_cursor"]}

    async def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """The answer; outages (no answer, 429, 503) are waited for."""
        headers = {"Authorization": f"Bearer {self.token.reveal()}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = Request(method, path, headers, orjson.dumps(body) if body is not None else b"")
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            answer = await self._attempt(request)
            late = asyncio.get_running_loop().time() >= deadline
            if isinstance(answer, Answer) and (late or answer.status not in (429, 503)):
                return answer
            outage = str(answer.status) if isinstance(answer, Answer) else str(answer)
            if late:
                raise OperatorRefused(f"{method} {path}", 0, outage)
            self.tell(f"waiting for the server, up to {PATIENCE:.0f} s: {outage}")
            await asyncio.sleep(PAUSE)

    async def _attempt(self, request: Request) -> Answer | NetworkFailure:
        try:
            return await self.origin.send(request, timeout=PATIENCE)
        except NetworkFailure as failure:
            return failure


def _created(answer: Answer, what: str) -> dict[str, Any]:
    return _document(answer, what, 201)


def _document(answer: Answer, what: str, status: int) -> dict[str, Any]:
    if answer.status != status:
        raise OperatorRefused(what, answer.status, problem.read(answer).code)
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise OperatorRefused(what, answer.status, "without a JSON object; is this the address of plexsphere?")
    return document
