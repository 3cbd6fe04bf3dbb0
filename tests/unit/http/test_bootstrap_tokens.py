import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from plexsphere_domain.authz.model import ObjectRef, ObjectType, Relation
from plexsphere_domain.identity.bootstrap_tokens.model import Nonce
from tests.unit.http.api import Api, Caller, JsonBody
from tests.unit.http.conftest import NOWHERE

ASKED = {"kind": "node", "env_prefix": "prod", "ttl_seconds": 300}
GRAMMAR = re.compile(r"^psb_[a-z]+_[a-z2-7]+_(node|bridge)_[a-z2-7]{20,}$")


@pytest.fixture
def collection(project: JsonBody) -> str:
    return f"/v1/projects/{project['id']}/bootstrap-tokens"


async def test_the_plaintext_is_told_once(operator: Caller, project: JsonBody, collection: str) -> None:
    response = await operator.call("POST", collection, ASKED)
    issued = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"{collection}/{issued['token_id']}"
    assert set(issued) == {"token_id", "token", "issued_at", "expires_at"}
    assert GRAMMAR.match(issued["token"])
    lifetime = datetime.fromisoformat(issued["expires_at"]) - datetime.fromisoformat(issued["issued_at"])
    assert lifetime == timedelta(minutes=5)
    metadata = (await operator.call("GET", response.headers["location"])).json()
    assert metadata == {
        "id": issued["token_id"],
        "project_id": project["id"],
        "kind": "node",
        "env_prefix": "prod",
        "issued_at": issued["issued_at"],
        "expires_at": issued["expires_at"],
        "issued_by_user_id": str(operator.id),
    }
    assert (await operator.call("GET", collection)).json() == {"items": [metadata]}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "vm"},
        {"kind": 5},
        {"env_prefix": ""},
        {"env_prefix": "Prod"},
        {"env_prefix": "p" * 33},
        {"ttl_seconds": 299},
        {"ttl_seconds": 86401},
        {"ttl_seconds": "300"},
        {"ttl_seconds": 300.0},
        {"ttl_seconds": True},
        {"ttl_seconds": 10**19},
        {"kind": None},
    ],
)
async def test_a_request_is_refused(operator: Caller, collection: str, change: dict[str, Any]) -> None:
    assert await operator.refused("POST", collection, ASKED | change) == (400, "invalid_body")


async def test_a_token_is_revoked_once(operator: Caller, collection: str) -> None:
    path = f"{collection}/{(await operator.made(collection, ASKED))['token_id']}"
    assert (await operator.call("DELETE", path)).status_code == 204
    metadata = (await operator.call("GET", path)).json()
    assert metadata["revoked_at"] > metadata["issued_at"]
    assert "consumed_at" not in metadata
    assert await operator.refused("DELETE", path) == (409, "token_revoked")


async def test_a_redeemed_token_is_not_revoked(api: Api, operator: Caller, collection: str) -> None:
    path = f"{collection}/{(await operator.made(collection, ASKED))['token_id']}"
    async with api.transactions.begin() as tx:
        (token,) = tx.tables.bootstrap_tokens.values()
        scope = token.scope
        await tx.bootstrap_tokens.save(
            token.redeem(kind=scope.kind, project_id=scope.project_id, nonce=Nonce.of("n"), now=token.issued_at)
        )
    assert await operator.refused("DELETE", path) == (409, "token_consumed")
    metadata = (await operator.call("GET", path)).json()
    assert metadata["consumed_at"] == metadata["issued_at"]
    assert "revoked_at" not in metadata


async def test_tokens_of_other_projects_are_not_found(operator: Caller, domain: JsonBody, collection: str) -> None:
    token_id = (await operator.made(collection, ASKED))["token_id"]
    other = await operator.made("/v1/projects", {"domain_id": domain["id"], "name": "O", "slug": "other"})
    for project in (other["id"], NOWHERE):
        for method in ("GET", "DELETE"):
            refused = await operator.refused(method, f"/v1/projects/{project}/bootstrap-tokens/{token_id}")
            assert refused == (404, "bootstrap_token_not_found")
    unknown = f"/v1/projects/{NOWHERE}/bootstrap-tokens"
    assert await operator.refused("POST", unknown, ASKED) == (404, "project_not_found")
    assert await operator.refused("GET", unknown) == (404, "project_not_found")
    assert await operator.refused("GET", f"{collection}/x") == (400, "invalid_bootstrap_token_id")
    assert await operator.refused("GET", "/v1/projects/x/bootstrap-tokens") == (400, "invalid_project_id")


async def test_observers_see_and_deployers_issue(
    api: Api, operator: Caller, stranger: Caller, project: JsonBody, collection: str
) -> None:
    path = f"{collection}/{(await operator.made(collection, ASKED))['token_id']}"
    for method, where in (("POST", collection), ("GET", collection), ("GET", path), ("DELETE", path)):
        assert await stranger.refused(method, where, ASKED) == (403, "permission_denied")
    on = ObjectRef(ObjectType.PROJECT, project["id"])
    await api.grant(Relation.OBSERVER, on, to=stranger)
    assert (await stranger.call("GET", path)).status_code == 200
    assert await stranger.refused("DELETE", path) == (403, "permission_denied")
    await api.grant(Relation.DEPLOYER, on, to=stranger)
    assert (await stranger.call("DELETE", path)).status_code == 204


async def test_pages_go_by_issue_and_anybody_may_go_on(
    api: Api, operator: Caller, stranger: Caller, project: JsonBody, collection: str
) -> None:
    ids = [(await operator.made(collection, ASKED))["token_id"] for _ in range(3)]
    await api.grant(Relation.OBSERVER, ObjectRef(ObjectType.PROJECT, project["id"]), to=stranger)
    first = (await operator.call("GET", f"{collection}?limit=2")).json()
    second = (await stranger.call("GET", f"{collection}?limit=2&cursor={first['next_cursor']}")).json()
    assert [each["id"] for each in first["items"] + second["items"]] == ids
    tampered = first["next_cursor"][:-1] + ("A" if first["next_cursor"][-1] != "A" else "B")
    assert await operator.refused("GET", f"{collection}?cursor={tampered}") == (400, "invalid_cursor")
