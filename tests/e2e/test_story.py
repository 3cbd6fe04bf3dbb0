"""From an empty platform to a Node that reports back, and to the proof of all that happened."""

import asyncio
import hashlib
import ipaddress
from base64 import b64decode
from itertools import pairwise
from typing import Final
from uuid import UUID

import httpx
from attrs import evolve

from tests.e2e.client import PATIENCE, Json, Node, Operator
from tests.e2e.system import System

SILENT: Final = """
    UPDATE plexsphere.node_heartbeats
       SET last_heartbeat_at = last_heartbeat_at - make_interval(secs => %(seconds)s),
           run_began_at = run_began_at - make_interval(secs => %(seconds)s),
           admitted_at = admitted_at - make_interval(secs => %(seconds)s)
     WHERE node_id = %(id)s
"""
CHANGES: Final = """
    SELECT payload ->> 'before' AS before, payload ->> 'after' AS after
      FROM plexsphere.outbox
     WHERE type = 'NodeReachabilityChanged' AND payload ->> 'node_id' = %(id)s
     ORDER BY txid, position
"""

BLOCKS = ("peers", "policy", "bridge", "state", "reports", "reachability")


async def test_a_machine_becomes_a_node_that_is_heard_of(operator: Operator, http: httpx.AsyncClient) -> None:
    place = await operator.place()
    first = await operator.node(place)
    assert first.peers == []
    assert first.mesh_cidr == place.domain["mesh_cidr"]
    assert ipaddress.IPv4Address(first.mesh_ip) in ipaddress.IPv4Network(first.mesh_cidr)
    assert UUID(first.id).version == 7

    snapshot = await first.state(http)
    assert sorted(snapshot) == sorted((*BLOCKS, "executions", "sessions"))
    assert (snapshot["peers"], snapshot["executions"], snapshot["sessions"]) == ([], [], [])
    assert snapshot["reachability"]["state"] == "never_reported"
    assert "last_heartbeat_at" not in snapshot["reachability"]

    async with first.events(http) as stream:
        second = await operator.node(place)
        event = (await stream.peers(second.id))[-1].event
    assert event.type == "peer_registered"
    assert event.scope == f"domain:{place.domain['id']}"

    peer = {"node_id": second.id, "mesh_ip": second.mesh_ip, "public_key": second.public_key}
    assert (await first.state(http))["peers"] == [peer]
    assert [known["node_id"] for known in second.peers] == [first.id]

    heard = await first.heartbeat(http)
    assert (heard["reconcile"], heard["rotate_keys"]) == (False, False)
    async with asyncio.timeout(PATIENCE):
        while (told := await first.reachability(http))["state"] != "healthy":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert told["last_heartbeat_at"] >= heard["accepted_at"][:19]
    assert (await http.get(f"/v1/nodes/{first.id}/reachability")).json() == told

    listed = (await http.get("/v1/nodes", params={"domain_id": place.domain["id"]})).json()
    assert [node["id"] for node in listed["items"]] == sorted([first.id, second.id])


async def test_a_node_that_falls_silent_is_stale_then_unreachable_and_well_with_its_next_heartbeat(
    operator: Operator, http: httpx.AsyncClient, system: System
) -> None:
    """Time passes by moving what was heard into the past. Every change of the verdict is on record, once."""
    node = await operator.node(await operator.place())
    recorded = [("never_reported", "healthy")]
    await node.heartbeat(http)
    assert await changes_of(node, system, count=1) == recorded
    for silence, verdict in ((100, "stale"), (300, "unreachable")):
        await system.rows(SILENT, id=node.id, seconds=silence)
        assert (await node.reachability(http))["state"] == verdict
        recorded.append((recorded[-1][1], verdict))
        assert await changes_of(node, system, count=len(recorded)) == recorded
    await node.heartbeat(http)
    assert (await node.reachability(http))["state"] == "healthy"
    assert await changes_of(node, system, count=4) == [*recorded, ("unreachable", "healthy")]


async def test_two_pulls_of_an_unchanged_state_are_byte_equal(operator: Operator, http: httpx.AsyncClient) -> None:
    place = await operator.place()
    node, _ = await operator.node(place), await operator.node(place)
    pulls = [(await http.get(f"/v1/nodes/{node.id}/state", headers=node.headers)).content for _ in range(2)]
    assert pulls[0] == pulls[1]


async def test_what_happened_is_listed_proved_and_verified(operator: Operator, http: httpx.AsyncClient) -> None:
    place = await operator.place()
    node = await operator.node(place)
    chain = f"/v1/domains/{place.domain['id']}/audit"

    entries = await every_entry(http, f"{chain}/entries")
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    assert entries[0]["prev_hash"] == "0" * 64
    assert all(entry["prev_hash"] == before["entry_hash"] for before, entry in pairwise(entries))
    done = {entry["relation"] for entry in entries}
    assert done >= {"domain.create", "project.create", "resource.create", "bootstrap_token.issue", "node.register"}
    [registered] = [entry for entry in entries if entry["relation"] == "node.register"]
    assert registered["object"] == {"type": "node", "id": node.id}
    assert registered["decision"] == {"result": "granted", "caveat_context": {}}

    proof = (await http.get(f"{chain}/entries/{registered['seq']}")).json()
    assert proof["entry"] == registered
    assert recomputed(proof["proof"]) == registered["entry_hash"]

    verified = (await http.post(f"{chain}/verify", json={})).json()
    assert verified["ok"] is True
    assert verified["segment_from"] == 1
    assert verified["segment_to"] >= len(entries)


async def test_the_correlation_id_of_an_answer_finds_its_row(operator: Operator, http: httpx.AsyncClient) -> None:
    domain = await operator.domain()
    asked = await http.get(f"/v1/domains/{domain['id']}", headers={"X-Correlation-Id": "of-this-test"})
    assert asked.headers["X-Correlation-Id"] == "of-this-test"
    rows = await every_entry(http, f"/v1/domains/{domain['id']}/audit/entries", correlation_id="of-this-test")
    assert [row["relation"] for row in rows] == ["read"]


async def test_an_erased_identity_leaves_its_rows_and_their_hashes(operator: Operator, http: httpx.AsyncClient) -> None:
    domain = await operator.domain()
    chain = f"/v1/domains/{domain['id']}/audit"
    before = await every_entry(http, f"{chain}/entries")
    subject = before[0]["subject"]

    erased = await http.post(f"{chain}/erase-identity", json={"identity_id": subject["identity_id_ref"]})
    assert erased.status_code == 200
    assert erased.json()["subject_pseudonym"] == subject["pseudonym"]

    after = await every_entry(http, f"{chain}/entries")
    assert [entry["entry_hash"] for entry in after[: len(before)]] == [entry["entry_hash"] for entry in before]
    assert all("identity_id_ref" not in entry["subject"] for entry in after)
    assert "audit.erase-identity" in {entry["relation"] for entry in after}
    assert (await http.post(f"{chain}/verify")).json()["ok"] is True


async def test_the_platform_has_a_chain_of_its_own(http: httpx.AsyncClient) -> None:
    verified = (await http.post("/v1/platform/audit/verify", json={})).json()
    assert verified["ok"] is True
    [entry] = (await http.get("/v1/platform/audit/entries", params={"limit": 1})).json()["items"]
    proof = (await http.get("/v1/platform/audit/entries/1")).json()
    assert recomputed(proof["proof"]) == entry["entry_hash"]


async def test_what_is_empty_again_can_be_deleted(operator: Operator, http: httpx.AsyncClient) -> None:
    place = await operator.place()
    first = await operator.node(place)
    other = evolve(place, resource=await operator.resource(place.project))
    async with first.events(http) as stream:
        gone = await operator.node(other)
        assert (await http.delete(f"/v1/resources/{other.resource['id']}")).status_code == 204
        await stream.until(lambda taken: "peer_deregistered" in {each.event.type for each in taken})
    async with first.events(http) as stream:
        assert (await http.delete(f"/v1/resources/{place.resource['id']}")).status_code == 204
        told = await stream.to_its_end()
    assert (told[-1].event.type, told[-1].event.payload) == ("peer_deregistered", {"peer_node_id": first.id})
    for node in (first, gone):
        refused = await http.get(f"/v1/nodes/{node.id}/state", headers=node.headers)
        assert (refused.status_code, refused.json()["code"]) == (401, "nsk_revoked")
    for path in (f"/v1/projects/{place.project['id']}", f"/v1/domains/{place.domain['id']}"):
        deleted = await http.delete(path)
        assert deleted.status_code == 204, deleted.text
    assert (await http.get(f"/v1/domains/{place.domain['id']}")).json()["code"] == "domain_not_found"
    assert (await http.post(f"/v1/domains/{place.domain['id']}/audit/verify", json={})).json()["ok"] is True


async def test_lists_are_paged_to_their_end(operator: Operator, http: httpx.AsyncClient) -> None:
    domain = await operator.domain()
    made = [await operator.project(domain) for _ in range(5)]
    seen: list[Json] = []
    parameters: dict[str, str | int] = {"domain_id": domain["id"], "limit": 2}
    while True:
        page = (await http.get("/v1/projects", params=parameters)).json()
        seen += page["items"]
        if "next_cursor" not in page:
            break
        parameters["cursor"] = page["next_cursor"]
    assert seen == sorted(made, key=lambda project: str(project["slug"]))


async def changes_of(node: Node, system: System, *, count: int) -> list[tuple[str, str]]:
    """The changes of a Node's verdict that are on record, as soon as there are `count`."""
    async with asyncio.timeout(PATIENCE):
        while len(rows := await system.rows(CHANGES, id=node.id)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return [(row["before"], row["after"]) for row in rows]


async def every_entry(http: httpx.AsyncClient, path: str, **filters: str) -> list[Json]:
    """All pages of an audit list."""
    entries: list[Json] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await http.get(path, params={"limit": 200, **filters, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        entries += page["items"]
        if "next_cursor" not in page:
            return entries
        cursor = {"cursor": page["next_cursor"]}


def recomputed(proof: Json) -> str:
    """The hash of a row, from its proof alone."""
    content = hashlib.sha256(b64decode(proof["canonical_bytes"], validate=True)).digest()
    return hashlib.sha256(bytes.fromhex(proof["prev_hash"]) + content).hexdigest()
