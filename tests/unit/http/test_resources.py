from typing import Any
from uuid import UUID, uuid4

import pytest

from plexsphere_domain.authz.model import ObjectRef, ObjectType, Relation
from tests.unit.http.api import Api, Caller, JsonBody
from tests.unit.http.conftest import NOWHERE

ADOPTED = {"origin": "adopted", "kind": "vm"}
PROVISIONED = {
    "origin": "provisioned",
    "kind": "vm",
    "blueprint_version_id": str(uuid4()),
    "cloud_credential_id": str(uuid4()),
}


@pytest.fixture
def collection(project: JsonBody) -> str:
    return f"/v1/projects/{project['id']}/resources"


async def test_a_resource_is_told_the_same_way_everywhere(operator: Caller, project: JsonBody, collection: str) -> None:
    response = await operator.call("POST", collection, ADOPTED | {"external_ref": " urn:vm:1 "})
    made = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/v1/resources/{made['id']}"
    assert made == ADOPTED | {
        "id": made["id"],
        "project_id": project["id"],
        "domain_id": project["domain_id"],
        "external_ref": "urn:vm:1",
        "created_at": made["created_at"],
        "updated_at": made["created_at"],
    }
    assert (await operator.call("GET", f"/v1/resources/{made['id']}")).json() == made
    assert (await operator.call("GET", collection)).json() == {"items": [made]}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"kind": "vm"}, 400, "invalid_resource_origin"),
        ({"kind": "vm", "origin": "borrowed"}, 400, "invalid_resource_origin"),
        ({"kind": "vm", "origin": None}, 400, "invalid_resource_origin"),
        ({"kind": "vm", "origin": ["adopted"]}, 400, "invalid_resource_origin"),
        ({"origin": "adopted"}, 400, "invalid_body"),
        (ADOPTED | {"kind": 7}, 400, "invalid_body"),
        (ADOPTED | {"nonsense": 1}, 400, "invalid_body"),
        (ADOPTED | {"parameters": {}}, 400, "invalid_body"),
        (ADOPTED | {"blueprint_version_id": str(uuid4())}, 400, "invalid_body"),
        (ADOPTED | {"kind": "  "}, 400, "invalid_resource"),
        (ADOPTED | {"kind": "k" * 65}, 400, "invalid_resource"),
        (ADOPTED | {"external_ref": ""}, 400, "invalid_resource"),
        (ADOPTED | {"external_ref": "r" * 257}, 400, "invalid_resource"),
        (PROVISIONED | {"external_ref": "mine"}, 400, "invalid_resource"),
        (PROVISIONED | {"cloud_credential_id": "x"}, 400, "invalid_body"),
        ({"origin": "provisioned", "kind": "vm"}, 400, "invalid_body"),
        (PROVISIONED | {"parameters": [1]}, 400, "invalid_body"),
        (PROVISIONED, 501, "resources_not_provisioned"),
        (ADOPTED | {"kind": "k", "external_ref": "r" * 9000}, 413, "request_body_too_large"),
    ],
)
async def test_a_resource_is_refused(
    operator: Caller, collection: str, body: dict[str, Any], status: int, code: str
) -> None:
    assert await operator.refused("POST", collection, body) == (status, code)


async def test_a_reference_is_taken_once(operator: Caller, collection: str) -> None:
    await operator.made(collection, ADOPTED | {"external_ref": "urn:vm:1"})
    refused = await operator.refused("POST", collection, ADOPTED | {"external_ref": "urn:vm:1"})
    assert refused == (409, "resource_external_ref_conflict")


async def test_an_adopted_resource_is_deleted_with_its_nodes(api: Api, operator: Caller, collection: str) -> None:
    made = await operator.made(collection, ADOPTED)
    path = f"/v1/resources/{made['id']}"
    response = await operator.call("DELETE", path)
    assert (response.status_code, response.content) == (204, b"")
    assert api.retirement.of == [UUID(made["id"])]
    assert await operator.refused("DELETE", path) == (404, "resource_not_found")


async def test_ids_that_name_nothing(operator: Caller, stranger: Caller) -> None:
    for method in ("GET", "DELETE"):
        assert await stranger.refused(method, "/v1/resources/x") == (400, "invalid_resource_id")
        assert await operator.refused(method, f"/v1/resources/{NOWHERE}") == (404, "resource_not_found")
        assert await stranger.refused(method, f"/v1/resources/{NOWHERE}") == (403, "permission_denied")
    unknown = f"/v1/projects/{NOWHERE}/resources"
    assert await operator.refused("POST", unknown, ADOPTED) == (404, "project_not_found")
    assert await stranger.refused("POST", unknown, b"nonsense") == (403, "permission_denied")
    assert await stranger.refused("POST", "/v1/projects/x/resources", ADOPTED) == (400, "invalid_project_id")


async def test_observers_see_and_deployers_do(api: Api, stranger: Caller, project: JsonBody, collection: str) -> None:
    on = ObjectRef(ObjectType.PROJECT, project["id"])
    await api.grant(Relation.OBSERVER, on, to=stranger)
    assert (await stranger.call("GET", collection)).json() == {"items": []}
    assert await stranger.refused("POST", collection, ADOPTED) == (403, "permission_denied")
    await api.grant(Relation.DEPLOYER, on, to=stranger)
    made = await stranger.made(collection, ADOPTED)
    assert (await stranger.call("GET", f"/v1/resources/{made['id']}")).json() == made
    assert (await stranger.call("DELETE", f"/v1/resources/{made['id']}")).status_code == 204


async def test_pages_go_by_creation(operator: Caller, collection: str) -> None:
    made = [await operator.made(collection, ADOPTED) for _ in range(3)]
    first = (await operator.call("GET", f"{collection}?limit=2")).json()
    second = (await operator.call("GET", f"{collection}?limit=2&cursor={first['next_cursor']}")).json()
    assert first["items"] + second["items"] == made
    assert "next_cursor" not in second
