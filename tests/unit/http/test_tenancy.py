from typing import Any

import pytest

from plexsphere_domain.authz.model import ObjectRef, ObjectType, Relation
from tests.unit.http.api import Api, Caller, JsonBody
from tests.unit.http.conftest import NOWHERE

ASKED = {"name": "Beta", "slug": "beta", "mesh_cidr": "10.1.0.0/16"}
POLICY = {"heartbeat_interval": "20s", "stale_after": "1m30s", "unreachable_after": "300s"}


async def test_a_domain_is_told_the_same_way_everywhere(operator: Caller) -> None:
    asked = ASKED | {"region": "eu-west", "description": "Rockets", "reachability": POLICY}
    response = await operator.call("POST", "/v1/domains", asked)
    made = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/v1/domains/{made['id']}"
    assert {key: made[key] for key in asked} == asked
    assert set(made) == {*asked, "id", "created_at", "updated_at"}
    assert made["created_at"].endswith("Z")
    assert (await operator.call("GET", f"/v1/domains/{made['id']}")).json() == made
    assert (await operator.call("GET", "/v1/domains")).json() == {"items": [made]}


async def test_what_is_not_set_is_told_as_agreed(domain: JsonBody) -> None:
    assert domain["description"] == ""
    assert "region" not in domain
    assert domain["reachability"] == {
        "heartbeat_interval": "30s",
        "stale_after": "90s",
        "unreachable_after": "300s",
    }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": " "}, "invalid_domain"),
        ({"name": ""}, "invalid_domain"),
        ({"name": "n" * 256}, "invalid_domain"),
        ({"slug": "Beta"}, "invalid_domain"),
        ({"mesh_cidr": "10.1.0.1/16"}, "invalid_domain"),
        ({"region": "EU"}, "invalid_domain"),
        ({"description": " "}, "invalid_domain"),
        ({"reachability": {"stale_after": "90s"}}, "invalid_reachability_policy"),
        ({"reachability": POLICY | {"stale_after": "soon"}}, "invalid_reachability_policy"),
        ({"name": 5}, "invalid_body"),
        ({"name": None}, "invalid_body"),
        ({"description": None}, "invalid_body"),
        ({"reachability": "30s"}, "invalid_body"),
        ({"reachability": POLICY | {"stale_after": 90}}, "invalid_body"),
        ({"name": "a\x00b"}, "invalid_body"),
    ],
)
async def test_a_domain_is_refused(operator: Caller, change: dict[str, Any], code: str) -> None:
    assert await operator.refused("POST", "/v1/domains", ASKED | change) == (400, code)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"slug":"beta"}', b"\xff"])
async def test_what_is_no_domain_at_all_is_refused(operator: Caller, body: bytes) -> None:
    assert await operator.refused("POST", "/v1/domains", body) == (400, "invalid_body")


async def test_a_body_has_a_ceiling(operator: Caller) -> None:
    refused = await operator.refused("POST", "/v1/domains", ASKED | {"description": "x" * 8192})
    assert refused == (413, "request_body_too_large")


async def test_domains_stand_in_each_others_way(operator: Caller, domain: JsonBody) -> None:
    refused = await operator.refused("POST", "/v1/domains", ASKED | {"slug": "acme"})
    assert refused == (409, "domain_slug_conflict")
    response = await operator.call("POST", "/v1/domains", ASKED | {"mesh_cidr": "100.64.9.0/24"})
    assert response.json()["code"] == "mesh_cidr_overlap"
    assert response.json()["title"] == "Mesh CIDR Overlap"


async def test_a_domain_is_patched(operator: Caller, domain: JsonBody) -> None:
    patch = {"name": "New", "region": "eu-north", "mesh_cidr": "10.2.0.0/16", "reachability": POLICY}
    response = await operator.call("PATCH", f"/v1/domains/{domain['id']}", patch)
    assert response.status_code == 200
    assert response.json() == domain | patch | {"updated_at": response.json()["updated_at"]}
    assert response.json()["updated_at"] > domain["updated_at"]


@pytest.mark.parametrize(
    ("patch", "status", "code"),
    [
        ({}, 400, "empty_patch"),
        ({"slug": "acme"}, 400, "slug_immutable"),
        ({"slug": None, "nonsense": 1, "name": 5}, 400, "slug_immutable"),
        ({"nonsense": 1}, 400, "invalid_body"),
        ({"name": "x", "id": "y"}, 400, "invalid_body"),
        ({"name": None}, 400, "invalid_body"),
        ({"region": ""}, 400, "invalid_domain"),
        ({"reachability": {"stale_after": "90s"}}, 400, "invalid_reachability_policy"),
        ({"mesh_cidr": "10.3.0.0/16"}, 422, "mesh_cidr_invalidates_subrange"),
    ],
)
async def test_a_patch_of_a_domain_is_refused(
    operator: Caller, domain: JsonBody, patch: dict[str, Any], status: int, code: str
) -> None:
    reserving = {"domain_id": domain["id"], "name": "Web", "slug": "web", "sub_range_cidr": "100.64.1.0/24"}
    await operator.made("/v1/projects", reserving)
    assert await operator.refused("PATCH", f"/v1/domains/{domain['id']}", patch) == (status, code)


async def test_a_domain_is_deleted_when_it_is_empty(operator: Caller, domain: JsonBody, project: JsonBody) -> None:
    path = f"/v1/domains/{domain['id']}"
    response = await operator.call("DELETE", path)
    assert (response.status_code, response.json()["code"]) == (409, "domain_not_empty")
    assert response.json()["child_counts"] == {
        "projects": 1,
        "groups": 0,
        "identities": 0,
        "idp_bindings": 0,
        "nodes": 0,
    }
    assert (await operator.call("DELETE", f"/v1/projects/{project['id']}")).status_code == 204
    response = await operator.call("DELETE", path)
    assert (response.status_code, response.content) == (204, b"")
    assert await operator.refused("GET", path) == (404, "domain_not_found")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("kind", ["domain", "project"])
async def test_ids_that_name_nothing(operator: Caller, stranger: Caller, method: str, kind: str) -> None:
    body = {"name": "x"} if method == "PATCH" else None
    for nothing in ("nonsense", "00000000-0000-0000-0000-000000000000", "018f2d5e000070008000000000000001"):
        assert await stranger.refused(method, f"/v1/{kind}s/{nothing}", body) == (400, f"invalid_{kind}_id")
    assert await operator.refused(method, f"/v1/{kind}s/{NOWHERE}", body) == (404, f"{kind}_not_found")
    assert await stranger.refused(method, f"/v1/{kind}s/{NOWHERE}", body) == (403, "permission_denied")


async def test_a_stranger_creates_nothing_and_learns_nothing(
    stranger: Caller, domain: JsonBody, project: JsonBody
) -> None:
    for method, path, body in (
        ("POST", "/v1/domains", b"not even JSON"),
        ("POST", "/v1/projects", {"domain_id": domain["id"], "name": "x", "slug": "Bad Slug"}),
        ("POST", "/v1/projects", {"domain_id": str(NOWHERE), "name": "x", "slug": "x"}),
        ("GET", f"/v1/domains/{domain['id']}", None),
        ("PATCH", f"/v1/domains/{domain['id']}", {"slug": "x"}),
        ("DELETE", f"/v1/domains/{domain['id']}", None),
        ("GET", f"/v1/projects/{project['id']}", None),
        ("PATCH", f"/v1/projects/{project['id']}", {}),
        ("DELETE", f"/v1/projects/{project['id']}", None),
    ):
        assert await stranger.refused(method, path, body) == (403, "permission_denied")
    for kind in ("domains", "projects"):
        listed = (await stranger.call("GET", f"/v1/{kind}")).json()
        assert listed == {"items": [], "empty_reason": "no_rebac_membership"}


async def test_an_empty_list_of_nothing_gives_no_reason(operator: Caller, stranger: Caller) -> None:
    assert (await stranger.call("GET", "/v1/domains")).json() == {"items": []}
    assert (await operator.call("GET", f"/v1/projects?domain_id={NOWHERE}")).json() == {"items": []}


async def test_who_administers_a_domain_uses_it_at_once(api: Api, stranger: Caller, domain: JsonBody) -> None:
    await api.grant(Relation.ADMIN, ObjectRef(ObjectType.DOMAIN, domain["id"]), to=stranger)
    made = await stranger.made("/v1/projects", {"domain_id": domain["id"], "name": "Web", "slug": "web"})
    assert (await stranger.call("GET", f"/v1/projects/{made['id']}")).json() == made
    assert (await stranger.call("GET", "/v1/projects")).json() == {"items": [made]}
    assert await stranger.refused("POST", "/v1/domains", ASKED) == (403, "permission_denied")


async def test_nobody_is_unauthenticated(api: Api, stranger: Caller) -> None:
    stranger.client.headers.pop("authorization")
    assert await stranger.refused("GET", "/v1/domains") == (401, "unauthenticated")


async def test_pages_follow_each_other(operator: Caller) -> None:
    for number in range(5):
        await operator.made("/v1/domains", {"name": "D", "slug": f"d-{number}", "mesh_cidr": f"10.{number}.0.0/16"})
    path, slugs = "/v1/domains?limit=2", []
    while path:
        listed = (await operator.call("GET", path)).json()
        slugs += [each["slug"] for each in listed["items"]]
        path = f"/v1/domains?limit=2&cursor={listed['next_cursor']}" if "next_cursor" in listed else ""
    assert slugs == [f"d-{number}" for number in range(5)]


async def test_a_cursor_is_for_its_list_and_its_caller(operator: Caller, stranger: Caller, domain: JsonBody) -> None:
    await operator.made("/v1/domains", ASKED)
    cursor = (await operator.call("GET", "/v1/domains?limit=1")).json()["next_cursor"]
    assert await stranger.refused("GET", f"/v1/domains?cursor={cursor}") == (403, "cursor_binding_mismatch")
    assert await operator.refused("GET", f"/v1/projects?cursor={cursor}") == (400, "invalid_cursor")
    assert await operator.refused("GET", f"/v1/domains?cursor={cursor[:-2]}") == (400, "invalid_cursor")
    for limit in ("0", "201", "-1", "x", ""):
        assert await operator.refused("GET", f"/v1/domains?limit={limit}") == (400, "invalid_limit")
    assert await operator.refused("GET", "/v1/projects?domain_id=x") == (400, "invalid_domain_filter")


async def test_a_project_is_told_the_same_way_everywhere(operator: Caller, domain: JsonBody) -> None:
    asked = {"domain_id": domain["id"], "name": "Web", "slug": "web", "sub_range_cidr": "100.64.1.0/24"}
    made = await operator.made("/v1/projects", asked)
    assert made == asked | {
        "id": made["id"],
        "description": "",
        "created_at": made["created_at"],
        "updated_at": made["updated_at"],
    }
    assert (await operator.call("GET", f"/v1/projects/{made['id']}")).json() == made
    assert (await operator.call("GET", f"/v1/projects?domain_id={domain['id']}")).json() == {"items": [made]}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"name": " "}, 400, "invalid_project"),
        ({"sub_range_cidr": "100.64.1.1/24"}, 400, "invalid_project"),
        ({"sub_range_cidr": "10.0.0.0/24"}, 400, "invalid_project"),
        ({"domain_id": "acme"}, 400, "invalid_body"),
        ({"domain_id": str(NOWHERE)}, 409, "parent_domain_missing"),
        ({"slug": "taken"}, 409, "project_slug_conflict"),
        ({"sub_range_cidr": "100.64.8.0/25"}, 409, "sub_range_overlap"),
    ],
)
async def test_a_project_is_refused(
    operator: Caller, domain: JsonBody, change: dict[str, Any], status: int, code: str
) -> None:
    sibling = {"domain_id": domain["id"], "name": "Web", "slug": "taken", "sub_range_cidr": "100.64.8.0/24"}
    await operator.made("/v1/projects", sibling)
    asked = {"domain_id": domain["id"], "name": "Web", "slug": "web"} | change
    assert await operator.refused("POST", "/v1/projects", asked) == (status, code)


async def test_a_reservation_comes_and_goes(operator: Caller, project: JsonBody) -> None:
    path = f"/v1/projects/{project['id']}"
    reserved = (await operator.call("PATCH", path, {"sub_range_cidr": "100.64.1.0/24"})).json()
    assert reserved["sub_range_cidr"] == "100.64.1.0/24"
    released = (await operator.call("PATCH", path, {"release_sub_range": True})).json()
    assert "sub_range_cidr" not in released


@pytest.mark.parametrize(
    ("patch", "status", "code"),
    [
        ({}, 400, "empty_patch"),
        ({"release_sub_range": False}, 400, "empty_patch"),
        ({"slug": "web"}, 400, "slug_immutable"),
        ({"domain_id": "x"}, 400, "invalid_body"),
        ({"release_sub_range": "yes"}, 400, "invalid_body"),
        ({"sub_range_cidr": "192.0.2.0/24"}, 400, "invalid_project"),
        ({"sub_range_cidr": "100.64.8.0/25"}, 422, "sub_range_invalidates_allocation"),
        ({"sub_range_cidr": "100.64.9.0/24", "release_sub_range": True}, 422, "sub_range_invalidates_allocation"),
    ],
)
async def test_a_patch_of_a_project_is_refused(
    operator: Caller, domain: JsonBody, project: JsonBody, patch: dict[str, Any], status: int, code: str
) -> None:
    sibling = {"domain_id": domain["id"], "name": "Web", "slug": "other", "sub_range_cidr": "100.64.8.0/24"}
    await operator.made("/v1/projects", sibling)
    assert await operator.refused("PATCH", f"/v1/projects/{project['id']}", patch) == (status, code)


async def test_a_project_is_deleted_when_it_is_empty(operator: Caller, project: JsonBody) -> None:
    await operator.made(f"/v1/projects/{project['id']}/resources", {"origin": "adopted", "kind": "vm"})
    response = await operator.call("DELETE", f"/v1/projects/{project['id']}")
    assert (response.status_code, response.json()["code"]) == (409, "project_not_empty")
    assert response.json()["project_child_counts"] == {"resources": 1, "nodes": 0, "relation_tuples": 0}
    assert "resources=1, nodes=0, relation_tuples=0" in response.json()["detail"]
