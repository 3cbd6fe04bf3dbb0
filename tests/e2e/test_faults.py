"""Servers that are killed while machines enrol: nothing is half done, nothing is lost, and all is well again."""

import asyncio
import time
from collections.abc import Sequence

import httpx
import pytest

from tests.e2e.client import Machine, Node, Operator, Place, announced, assert_in_order_and_once, connected, followed
from tests.e2e.system import System

PATIENT, IMPATIENT = 12, 6
"""Machines that try again as agents do, and machines that try once and may never learn what came of it."""

BEFORE = 4
"""Registrations that are answered before the server is killed."""


@pytest.mark.parametrize("victim", ["core", "signer", "postgres", "nats", "spicedb"])
async def test_a_server_is_killed_while_machines_enrol(victim: str, fragile: System) -> None:
    async with connected(fragile.url, fragile.operator_token) as http:
        operator = Operator(http)
        place = await operator.place()
        witness = await operator.node(place)
        machines = await asyncio.gather(
            *(operator.machine(place, first_pause=0.2, longest_pause=2.0) for _ in range(PATIENT + IMPATIENT))
        )
        listening = asyncio.create_task(followed(witness, http, count=1 + PATIENT + IMPATIENT))
        nodes = await enrolled_through(victim, machines, http, fragile)

        await assert_each_token_became_one_whole_node_or_none(place, fragile)
        late = [await machine.enrol(http) for machine in machines[PATIENT:]]
        everybody = {node.id for node in (witness, *nodes, *late)}
        assert len(everybody) == 1 + PATIENT + IMPATIENT
        await assert_each_token_became_one_whole_node_or_none(place, fragile)

        seen = await listening
        assert_in_order_and_once(seen)
        assert announced(seen) == everybody
        assert [each.event.id for each in seen] == await facts_of(place, fragile)
        peers = (await witness.state(http))["peers"]
        assert {peer["node_id"] for peer in peers} == everybody - {witness.id}
        await assert_the_chains_are_whole(place, http, registrations=everybody)


async def enrolled_through(
    victim: str, machines: Sequence[Machine], http: httpx.AsyncClient, system: System
) -> list[Node]:
    """The Nodes of the patient machines, whose run the server `victim` did not survive; the system is well again."""
    answered = asyncio.Semaphore(0)

    async def enrol(machine: Machine) -> Node:
        node = await machine.enrol(http)
        answered.release()
        return node

    patient = [asyncio.create_task(enrol(machine)) for machine in machines[:PATIENT]]
    impatient = [asyncio.create_task(machine.ask(http)) for machine in machines[PATIENT:]]
    for _ in range(BEFORE):
        await answered.acquire()
    killed = system.kill(victim)
    began = time.monotonic()
    await system.until_well(http, without=killed)
    print(f"{victim}: well again after {time.monotonic() - began:.1f} s")
    outcomes = await asyncio.gather(*impatient, return_exceptions=True)
    assert all(isinstance(each, (httpx.Response, httpx.TransportError)) for each in outcomes)
    return await asyncio.gather(*patient)


async def assert_each_token_became_one_whole_node_or_none(place: Place, system: System) -> None:
    """Of a registration there is everything: token, Node, key, address, standing, event; or nothing."""
    rows = await system.rows(
        """
        SELECT t.consumed_at IS NOT NULL AS consumed, n.id IS NOT NULL AS node, s.node_id IS NOT NULL AS key,
               h.node_id IS NOT NULL AS standing, n.mesh_ip::text AS address,
               (SELECT count(*) FROM plexsphere.outbox o
                 WHERE o.type = 'NodeRegistered' AND o.payload ->> 'node_id' = n.id::text) AS events,
               EXISTS (SELECT FROM plexsphere.mesh_free_ranges f
                        WHERE f.domain_id = n.domain_id AND n.mesh_ip BETWEEN f.first_ip AND f.last_ip) AS free
          FROM plexsphere.bootstrap_tokens t
          LEFT JOIN plexsphere.nodes n ON n.bootstrap_token_id = t.id
          LEFT JOIN plexsphere.node_secrets s ON s.node_id = n.id
          LEFT JOIN plexsphere.node_heartbeats h ON h.node_id = n.id
         WHERE t.project_id = %(project)s
        """,
        project=place.project["id"],
    )
    addresses = [row.pop("address") for row in rows if row["address"] is not None]
    assert len(addresses) == len(set(addresses))
    whole = {"consumed": True, "node": True, "key": True, "standing": True, "events": 1, "free": False}
    nothing = {"consumed": False, "node": False, "key": False, "standing": False, "events": 0, "free": False}
    for row in rows:
        row.pop("address", None)
        assert row in (whole, nothing)


async def facts_of(place: Place, system: System) -> list[str]:
    """The ids of what was announced to the Domain, in the order in which it became true."""
    rows = await system.rows(
        """
        SELECT id::text FROM plexsphere.outbox
         WHERE type = 'NodeRegistered' AND domain_id = %(domain)s
         ORDER BY txid, position
        """,
        domain=place.domain["id"],
    )
    return [row["id"] for row in rows]


async def assert_the_chains_are_whole(place: Place, http: httpx.AsyncClient, *, registrations: set[str]) -> None:
    """Nothing is broken, and each registration is there once."""
    chain = f"/v1/domains/{place.domain['id']}/audit"
    for path in (f"{chain}/verify", "/v1/platform/audit/verify"):
        verified = (await http.post(path, json={})).json()
        assert verified["ok"] is True, verified
    listed = await http.get(f"{chain}/entries", params={"relation": "node.register", "limit": 200})
    rows = [row["object"]["id"] for row in listed.json()["items"]]
    assert sorted(rows) == sorted(registrations)
