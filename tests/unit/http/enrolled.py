"""Machines that enrol through the API, and what they do then."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID, uuid4

import httpx
from attrs import define, frozen

from plexsphere_domain.kernel.ids import NodeId
from plexsphere_domain.kernel.secrets import SecretBytes
from plexsphere_domain.mesh.nodes.secret_key import NodeSecretKey, NskEnvelope
from tests.unit.http.api import Api, Caller, JsonBody


def public_key(fill: int = 7) -> str:
    return b64encode(bytes([fill]) * 32).decode()


@frozen
class Site:
    """A Project with a Resource `edge-1`."""

    api: Api
    operator: Caller
    project: JsonBody
    resource: JsonBody

    @classmethod
    async def open(cls, api: Api, operator: Caller, project: JsonBody) -> Self:
        path = f"/v1/projects/{project['id']}/resources"
        resource = await operator.made(path, {"origin": "adopted", "kind": "vm", "external_ref": "edge-1"})
        return cls(api, operator, project, resource)

    async def token(self, kind: str = "node") -> str:
        path = f"/v1/projects/{self.project['id']}/bootstrap-tokens"
        asked = {"kind": kind, "env_prefix": "test", "ttl_seconds": 3600}
        return str((await self.operator.made(path, asked))["token"])

    async def request(self, **change: Any) -> dict[str, Any]:
        """The body of a registration that would succeed, but for the change; a member that is None is left out."""
        body = {
            "project_id": self.project["id"],
            "resource_handle": "edge-1",
            "nonce": str(uuid4()),
            "public_key": public_key(),
        }
        if "bootstrap_token" not in change:
            body["bootstrap_token"] = await self.token()
        return {name: value for name, value in (body | change).items() if value is not None}

    def anonymous(self, **headers: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.api.app), base_url="http://plexsphere.test", headers=headers
        )

    async def enrol(self, **change: Any) -> "Machine":
        async with self.anonymous() as client:
            response = await client.post("/v1/register", json=await self.request(**change))
        assert response.status_code == 201, response.text
        return Machine(self, response.json())


@define
class Machine:
    """An enrolled Node with its key."""

    site: Site
    told: JsonBody

    @property
    def id(self) -> str:
        return str(self.told["node_id"])

    @property
    def bearer(self) -> str:
        key = NodeSecretKey(SecretBytes(b64decode(self.told["nsk"])))
        return NskEnvelope(NodeId(UUID(self.id)), key).bearer().reveal()

    async def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.bearer}"} | more.pop("headers", {})
        async with self.site.anonymous() as client:
            return await client.request(method, path, headers=headers, **more)

    async def get(self, what: str, **more: Any) -> httpx.Response:
        return await self.call("GET", f"/v1/nodes/{self.id}/{what}", **more)

    async def beat(self, **change: Any) -> httpx.Response:
        body = {
            "client_now": self.site.api.clock.now().isoformat(),
            "binary_checksum": b64encode(bytes(32)).decode(),
            "binary_version": "plexd-v0.4.2",
            "nat_summary": {},
        }
        sent = {name: value for name, value in (body | change).items() if value is not ...}
        return await self.call("POST", f"/v1/nodes/{self.id}/heartbeat", json=sent)


def refusal(response: httpx.Response) -> tuple[int, Any]:
    """Status and code of a problem."""
    assert response.headers["content-type"] == "application/problem+json"
    problem: Mapping[str, Any] = response.json()
    assert problem["correlation_id"] == response.headers["x-correlation-id"]
    assert len(response.content) < 4096
    return response.status_code, problem["code"]
