"""The redemption of bootstrap tokens over HTTP."""

from base64 import b64encode
from ipaddress import ip_address, ip_network
from typing import Any
from uuid import UUID

import pytest

from tests.unit.http.api import Api, Caller, JsonBody
from tests.unit.http.conftest import NOWHERE
from tests.unit.http.enrolled import Site, public_key, refusal


@pytest.fixture
async def site(api: Api, operator: Caller, project: JsonBody) -> Site:
    return await Site.open(api, operator, project)


async def test_the_answer(site: Site) -> None:
    machine = await site.enrol()
    told = machine.told
    assert set(told) == {
        "node_id",
        "mesh_ip",
        "signing_public_key",
        "signing_key_id",
        "nsk",
        "peer_snapshot",
        "domain_mesh_cidr",
    }
    assert UUID(told["node_id"]).version == 7
    assert told["mesh_ip"] == "100.64.0.1"
    assert ip_address(told["mesh_ip"]) in ip_network(told["domain_mesh_cidr"])
    assert told["signing_public_key"] == b64encode(bytes(range(32))).decode()
    assert told["peer_snapshot"] == []
    second = await site.enrol(public_key=public_key(8))
    assert second.told["peer_snapshot"] == [
        {"node_id": machine.id, "mesh_ip": "100.64.0.1", "public_key": public_key()}
    ]


async def test_the_lost_answer_is_given_again(site: Site) -> None:
    request = await site.request()
    async with site.anonymous() as client:
        first = await client.post("/v1/register", json=request)
        again = await client.post("/v1/register", json=request)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"public_key": None}, (400, "public_key_invalid")),
        ({"public_key": "", "bootstrap_token": ""}, (400, "public_key_invalid")),
        ({"public_key": "A" * 43 + "="}, (400, "public_key_invalid")),
        ({"public_key": b64encode(b"k" * 31).decode()}, (400, "public_key_invalid")),
        ({"public_key": 5}, (400, "invalid_body")),
        ({"bootstrap_token": ""}, (422, "invariant_violation")),
        ({"bootstrap_token": "  "}, (422, "invariant_violation")),
        ({"bootstrap_token": None}, (422, "invariant_violation")),
        ({"project_id": str(UUID(int=0))}, (422, "invariant_violation")),
        ({"project_id": "nonsense"}, (422, "invariant_violation")),
        ({"resource_handle": " "}, (422, "invariant_violation")),
        ({"resource_handle": None}, (422, "invariant_violation")),
        ({"nonce": ""}, (422, "invariant_violation")),
        ({"nonce": "n" * 4097}, (422, "invariant_violation")),
        ({"nonce": "n" * 200_000}, (422, "invariant_violation")),
        ({"nonce": "a\0b"}, (400, "invalid_body")),
        ({"bootstrap_token": "psb_test_short_node_x"}, (422, "bootstrap_token_invalid")),
        ({"bootstrap_token": "psk_test_x", "project_id": str(NOWHERE)}, (422, "bootstrap_token_invalid")),
        ({"project_id": str(NOWHERE)}, (404, "project_not_found")),
        ({"resource_handle": "edge-2"}, (404, "resource_not_found")),
        ({"requested_resource_id": "edge-2"}, (404, "resource_not_found")),
    ],
)
async def test_a_wrong_request(site: Site, change: dict[str, Any], expected: tuple[int, str]) -> None:
    token = await site.token()
    request = await site.request(**{"bootstrap_token": token} | change)
    async with site.anonymous() as client:
        assert refusal(await client.post("/v1/register", json=request)) == expected
    await site.enrol(bootstrap_token=token)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"a":' * 2000, b"\xff"])
async def test_what_is_no_request(site: Site, body: bytes) -> None:
    async with site.anonymous() as client:
        response = await client.post("/v1/register", content=body, headers={"content-type": "application/json"})
    assert refusal(response) == (400, "invalid_body")


async def test_the_refusals_of_tokens(site: Site) -> None:
    async with site.anonymous() as client:

        async def answer(**change: Any) -> tuple[int, str]:
            return refusal(await client.post("/v1/register", json=await site.request(**change)))

        token, nonce = await site.token(), "nonce-1"
        await site.enrol(bootstrap_token=token, nonce=nonce)
        assert await answer(bootstrap_token=token) == (403, "token_consumed")
        assert await answer(bootstrap_token=token, nonce=nonce, public_key=public_key(9)) == (403, "token_consumed")
        assert await answer(nonce=nonce) == (403, "nonce_collision")
        assert await answer(bootstrap_token=await site.token("bridge")) == (403, "kind_mismatch")
        unknown = token[:-1] + ("a" if token[-1] != "a" else "b")
        assert await answer(bootstrap_token=unknown) == (403, "token_revoked")


async def test_the_token_of_another_project(site: Site, operator: Caller, domain: JsonBody) -> None:
    other = await operator.made("/v1/projects", {"domain_id": domain["id"], "name": "Other", "slug": "other"})
    elsewhere = await Site.open(site.api, operator, other)
    request = await elsewhere.request(bootstrap_token=await site.token())
    async with site.anonymous() as client:
        assert refusal(await client.post("/v1/register", json=request)) == (403, "project_mismatch")


async def test_a_signer_that_is_away_burns_no_token(site: Site) -> None:
    token = await site.token()
    site.api.signer.away = True
    async with site.anonymous() as client:
        response = await client.post("/v1/register", json=await site.request(bootstrap_token=token))
    assert refusal(response) == (503, "signing_unavailable")
    site.api.signer.away = False
    await site.enrol(bootstrap_token=token)


async def test_pools_run_out(site: Site, operator: Caller, domain: JsonBody) -> None:
    path = f"/v1/projects/{site.project['id']}"
    reserved = await operator.call("PATCH", path, {"sub_range_cidr": "100.64.9.0/30"})
    assert reserved.status_code == 200
    enrolled = [await site.enrol() for _ in range(2)]
    assert [machine.told["mesh_ip"] for machine in enrolled] == ["100.64.9.1", "100.64.9.2"]
    async with site.anonymous() as client:
        response = await client.post("/v1/register", json=await site.request())
    assert refusal(response) == (503, "subrange_exhausted")


async def test_no_secret_is_shown_twice(site: Site, operator: Caller) -> None:
    token = await site.token()
    machine = await site.enrol(bootstrap_token=token)
    for path in ("/v1/nodes", f"/v1/nodes/{machine.id}/state", f"/v1/projects/{site.project['id']}/bootstrap-tokens"):
        shown = (await operator.call("GET", path)).text
        assert token not in shown
        assert machine.told["nsk"] not in shown
