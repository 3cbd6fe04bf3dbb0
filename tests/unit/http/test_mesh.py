"""Heartbeats, reachability, desired state, events and the list of Nodes over HTTP."""

import json
from base64 import b64encode
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from plexsphere_domain.authz.model import ObjectRef, ObjectType, Relation
from plexsphere_domain.mesh.nodes.retirement import NodeRetirement
from plexsphere_domain.mesh.reachability.service import ReachabilityEvaluator
from tests.ports.mesh import OPERATOR
from tests.unit.http.api import Api, Caller, JsonBody
from tests.unit.http.conftest import NOWHERE
from tests.unit.http.enrolled import Machine, Site, public_key, refusal


@pytest.fixture
async def site(api: Api, operator: Caller, project: JsonBody) -> Site:
    return await Site.open(api, operator, project)


@pytest.fixture
async def machine(site: Site) -> Machine:
    return await site.enrol()


async def tick(api: Api) -> None:
    await ReachabilityEvaluator(transactions=api.transactions, clock=api.clock).tick()


async def test_a_heartbeat(machine: Machine) -> None:
    response = await machine.beat()
    assert response.status_code == 200
    accepted = response.json()
    assert set(accepted) == {"accepted_at", "reconcile", "rotate_keys"}
    assert (accepted["reconcile"], accepted["rotate_keys"]) == (False, False)
    assert accepted["accepted_at"].endswith("Z")
    hexed = await machine.beat(binary_checksum="5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8")
    assert hexed.status_code == 200
    full = await machine.beat(nat_summary={"endpoint": "192.0.2.1:51820", "nat_type": "full_cone"})
    assert full.status_code == 200


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"client_now": "yesterday"}, "malformed_heartbeat_request"),
        ({"client_now": ...}, "malformed_heartbeat_request"),
        ({"nat_summary": ...}, "malformed_heartbeat_request"),
        ({"nat_summary": None}, "malformed_heartbeat_request"),
        ({"nat_summary": []}, "malformed_heartbeat_request"),
        ({"extra": 1}, "malformed_heartbeat_request"),
        ({"binary_version": 5}, "malformed_heartbeat_request"),
        ({"binary_version": "v" * 4097}, "malformed_heartbeat_request"),
        ({"nat_summary": {"x": "y" * 20_000}}, "malformed_heartbeat_request"),
        ({"client_now": "2026-01-01T00:00:00Z"}, "clock_skew"),
        ({"client_now": "2026-01-01T00:00:00Z", "binary_checksum": ""}, "clock_skew"),
        ({"binary_checksum": ...}, "binary_checksum_empty"),
        ({"binary_checksum": "", "binary_version": ""}, "binary_checksum_empty"),
        ({"binary_checksum": b64encode(bytes(48)).decode()}, "binary_checksum_empty"),
        ({"binary_version": ...}, "binary_version_empty"),
        ({"binary_version": "  "}, "binary_version_empty"),
    ],
)
async def test_what_is_no_heartbeat(machine: Machine, change: dict[str, Any], code: str) -> None:
    assert refusal(await machine.beat(**change)) == (400, code)


async def test_only_the_node_itself_beats(site: Site, machine: Machine, operator: Caller) -> None:
    other = await site.enrol(public_key=public_key(8))
    path = f"/v1/nodes/{machine.id}/heartbeat"
    foreign = await other.call("POST", path, json={})
    assert refusal(foreign) == (403, "node_id_mismatch")
    denial = foreign.json()
    assert (denial["reason"], denial["relation_path"]) == ("insufficient_relation", [])
    assert await operator.refused("POST", path, {}) == (401, "unauthorized")
    for bearer, code in (
        ({}, "unauthorized"),
        ({"authorization": f"Bearer {machine.told['nsk']}"}, "unauthorized"),
        ({"authorization": "Basic eDp5"}, "unauthorized"),
        ({"authorization": f"Bearer {machine.bearer[:-1]}{'A' if machine.bearer[-1] != 'A' else 'B'}"}, "nsk_invalid"),
        ({"authorization": "Bearer nsk_plexd_" + "B" * 64}, "nsk_invalid"),
    ):
        async with site.anonymous(**bearer) as client:
            assert refusal(await client.post(path, json={})) == (401, code)


async def test_reachability(api: Api, machine: Machine, operator: Caller) -> None:
    path = f"/v1/nodes/{machine.id}/reachability"
    before = (await operator.call("GET", path)).json()
    assert before["state"] == "never_reported"
    assert set(before) == {"state", "changed_at"}
    heard = (await machine.beat()).json()["accepted_at"]
    assert (await machine.get("reachability")).json() == before | {"last_heartbeat_at": heard}
    await tick(api)
    healthy = (await machine.get("reachability")).json()
    assert (healthy["state"], healthy["last_heartbeat_at"]) == ("healthy", heard)
    api.clock.reads += 90
    assert (await machine.get("reachability")).json()["state"] == "stale"
    api.clock.reads += 300
    gone = (await operator.call("GET", path)).json()
    assert (gone["state"], gone["last_heartbeat_at"]) == ("unreachable", heard)
    assert (await machine.beat()).status_code == 200
    back = (await machine.get("reachability")).json()
    assert back["state"] == "healthy"
    assert back["changed_at"] == back["last_heartbeat_at"]


async def test_the_state_of_a_lonely_node(machine: Machine) -> None:
    response = await machine.get("state")
    assert response.headers["content-type"] == "application/json"
    empty: JsonBody = {"metadata": [], "data": [], "reports": []}
    state = response.json()
    assert state.pop("reachability")["state"] == "never_reported"
    assert state == {
        "peers": [],
        "policy": None,
        "bridge": None,
        "state": empty,
        "reports": empty,
        "executions": [],
        "sessions": [],
    }


async def test_the_peers_in_the_state(site: Site, machine: Machine, operator: Caller) -> None:
    others = [await site.enrol(public_key=public_key(fill)) for fill in (20, 30)]
    state = (await machine.get("state")).json()
    expected = [
        {"node_id": other.id, "mesh_ip": other.told["mesh_ip"], "public_key": public_key(fill)}
        for other, fill in zip(others, (20, 30), strict=True)
    ]
    assert state["peers"] == sorted(expected, key=lambda peer: peer["node_id"])
    first, second = await machine.get("state"), await operator.call("GET", f"/v1/nodes/{machine.id}/state")
    assert first.content == second.content


async def test_who_may_pull(site: Site, machine: Machine, operator: Caller, stranger: Caller) -> None:
    other = await site.enrol(public_key=public_key(8))
    for what in ("state", "reachability", "events"):
        path = f"/v1/nodes/{machine.id}/{what}"
        foreign = await other.call("GET", path)
        assert refusal(foreign) == (403, "node_id_mismatch")
        assert "reason" not in foreign.json()
        assert await stranger.refused("GET", path) == (403, "insufficient_relation")
        assert await stranger.refused("GET", f"/v1/nodes/{NOWHERE}/{what}") == (403, "insufficient_relation")
        assert await operator.refused("GET", f"/v1/nodes/{NOWHERE}/{what}") == (404, "node_not_found")
        for bearer, code in (
            ({}, "unauthenticated"),
            ({"authorization": f"Bearer {machine.told['nsk']}"}, "nsk_invalid"),
            ({"authorization": "Bearer nsk_plexd_" + "B" * 64}, "nsk_invalid"),
        ):
            async with site.anonymous(**bearer) as client:
                assert refusal(await client.get(path)) == (401, code)


async def test_a_pull_survives_the_outage_of_the_datastore_for_a_while(api: Api, site: Site, machine: Machine) -> None:
    cold = await site.enrol(public_key=public_key(8))
    warm = (await machine.get("state")).content
    api.datastore_away = True
    during = await machine.get("state")
    assert (during.status_code, during.content) == (200, warm)
    assert refusal(await cold.get("state")) == (503, "datastore_unavailable")
    assert refusal(await machine.get("reachability")) == (503, "datastore_unavailable")
    assert refusal(await machine.beat()) == (503, "datastore_unavailable")
    forged = machine.bearer[:-1] + ("A" if machine.bearer[-1] != "A" else "B")
    async with site.anonymous(authorization=f"Bearer {forged}") as client:
        assert refusal(await client.get(f"/v1/nodes/{machine.id}/state")) == (503, "datastore_unavailable")
    api.clock.reads += int(timedelta(minutes=5).total_seconds())
    assert refusal(await machine.get("state")) == (503, "datastore_unavailable")
    api.datastore_away = False
    assert (await machine.get("state")).status_code == 200


async def test_events_are_followed_from_a_cursor(api: Api, machine: Machine) -> None:
    assert refusal(await machine.get("events", headers={"last-event-id": "-1"})) == (400, "invalid_cursor")
    assert refusal(await machine.get("events", headers={"last-event-id": "x"})) == (400, "invalid_cursor")
    api.stream.window.live = False
    assert refusal(await machine.get("events")) == (503, "event_stream_unavailable")
    api.stream.window.live = True
    api.lifecycle.drain()
    response = await machine.get("events")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-plexsphere-api-version"] == "v1"


async def test_a_retired_node_is_out(api: Api, site: Site, machine: Machine, operator: Caller) -> None:
    async with api.transactions.begin() as tx:
        (resource,) = tx.tables.resources
        await NodeRetirement(api.clock).retire(tx, resource, by=OPERATOR)
    assert refusal(await machine.beat()) == (401, "nsk_revoked")
    assert refusal(await machine.get("state")) == (401, "nsk_revoked")
    assert await operator.refused("GET", f"/v1/nodes/{machine.id}/state") == (404, "node_not_found")


async def test_the_list_of_nodes(api: Api, site: Site, operator: Caller, stranger: Caller, domain: JsonBody) -> None:
    machines = [await site.enrol(public_key=public_key(fill)) for fill in range(1, 6)]
    ids, path, seen = sorted(machine.id for machine in machines), "/v1/nodes?limit=2", list[str]()
    while True:
        page = (await operator.call("GET", path)).json()
        seen += [node["id"] for node in page["items"]]
        assert all(set(node) == {"id", "domain_id", "created_at"} for node in page["items"])
        if "next_cursor" not in page:
            break
        path = f"/v1/nodes?limit=2&cursor={page['next_cursor']}"
    assert seen == ids
    assert (await operator.call("GET", f"/v1/nodes?domain_id={NOWHERE}")).json() == {"items": []}
    assert len((await operator.call("GET", f"/v1/nodes?domain_id={domain['id']}")).json()["items"]) == 5
    hidden = (await stranger.call("GET", "/v1/nodes?limit=2")).json()
    assert (hidden["items"], "next_cursor" in hidden, "empty_reason" in hidden) == ([], True, False)
    await api.grant(Relation.ADMIN, ObjectRef(ObjectType.PROJECT, site.project["id"]), stranger)
    await api.graph.caught_up()
    assert len((await stranger.call("GET", "/v1/nodes")).json()["items"]) == 5


async def test_wrong_questions_for_the_list(operator: Caller, stranger: Caller, site: Site) -> None:
    for _ in range(2):
        await site.enrol()
    cursor = (await operator.call("GET", "/v1/nodes?limit=1")).json()["next_cursor"]
    for query, expected in {
        "limit=0": (400, "invalid_limit"),
        "limit=201": (400, "invalid_limit"),
        "cursor=x": (400, "invalid_cursor"),
        f"cursor={cursor[:-2]}": (400, "invalid_cursor"),
        "domain_id=x": (400, "invalid_domain_filter"),
    }.items():
        assert await operator.refused("GET", f"/v1/nodes?{query}") == expected
    assert await stranger.refused("GET", f"/v1/nodes?cursor={cursor}") == (403, "cursor_binding_mismatch")


async def test_a_node_id_that_is_none(operator: Caller, machine: Machine) -> None:
    assert await operator.refused("GET", "/v1/nodes/x/state") == (400, "invalid_node_id")
    assert refusal(await machine.call("POST", "/v1/nodes/x/heartbeat", json={})) == (400, "invalid_node_id")
    assert json.loads((await machine.call("GET", f"/v1/nodes/{uuid4()}/state")).content)["code"] == "node_id_mismatch"
