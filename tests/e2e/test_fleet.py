"""Fifty machines at once, and streams that are cut and taken up again."""

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network

import httpx
import pytest
from attrs import frozen

from tests.e2e.client import PATIENCE, Delivery, Machine, Node, Operator, Place, announced, assert_in_order_and_once

FLEET = 50


@frozen
class Fleet:
    place: Place
    nodes: Sequence[Node]

    @property
    def ids(self) -> set[str]:
        return {node.id for node in self.nodes}


@pytest.fixture(scope="module")
async def fleet(operator: Operator, http: httpx.AsyncClient) -> Fleet:
    """Machines that all enrolled at the same time."""
    place = await operator.place()
    machines = await asyncio.gather(*(operator.machine(place) for _ in range(FLEET)))
    return Fleet(place, await asyncio.gather(*(machine.enrol(http) for machine in machines)))


def test_all_have_addresses_of_their_own_the_lowest_of_the_pool(fleet: Fleet) -> None:
    pool = IPv4Network(fleet.place.domain["mesh_cidr"])
    lowest = [pool.network_address + number for number in range(1, FLEET + 1)]
    assert sorted(IPv4Address(node.mesh_ip) for node in fleet.nodes) == lowest
    assert len(fleet.ids) == FLEET
    assert len({node.nsk for node in fleet.nodes}) == FLEET
    assert len({node.verifier.kid for node in fleet.nodes}) == 1


async def test_each_learns_of_all_others_by_pull(fleet: Fleet, http: httpx.AsyncClient) -> None:
    pulls = await asyncio.gather(*(node.state(http) for node in fleet.nodes))
    for node, pulled in zip(fleet.nodes, pulls, strict=True):
        others = sorted((each for each in fleet.nodes if each is not node), key=lambda each: each.id)
        assert pulled["peers"] == [
            {"node_id": each.id, "mesh_ip": each.mesh_ip, "public_key": each.public_key} for each in others
        ]


async def test_each_learns_of_all_others_by_events(fleet: Fleet, http: httpx.AsyncClient) -> None:
    told = await asyncio.gather(*(replayed(node, http, after=0, of=fleet.ids) for node in fleet.nodes))
    assert all(announced(each) == fleet.ids for each in told)
    assert all([delivery.id for delivery in each] == [delivery.id for delivery in told[0]] for each in told)
    assert_in_order_and_once(told[0])


async def test_all_heartbeats_are_heard(fleet: Fleet, http: httpx.AsyncClient) -> None:
    await asyncio.gather(*(node.heartbeat(http) for node in fleet.nodes))
    async with asyncio.timeout(PATIENCE):
        while {told["state"] for told in await verdicts(fleet, http)} != {"healthy"}:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_of_many_machines_with_one_token_one_becomes_a_node(operator: Operator, http: httpx.AsyncClient) -> None:
    place = await operator.place()
    token = (await operator.token(place.project))["token"]
    machines = [Machine(place.project["id"], place.resource["external_ref"], token) for _ in range(8)]
    answers = await asyncio.gather(*(machine.ask(http) for machine in machines))
    assert sorted(answer.status_code for answer in answers) == [201, *[403] * 7]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 403} == {"token_consumed"}
    listed = (await http.get("/v1/nodes", params={"domain_id": place.domain["id"]})).json()
    assert len(listed["items"]) == 1


async def test_a_cut_stream_is_taken_up_behind_any_of_its_events(fleet: Fleet, http: httpx.AsyncClient) -> None:
    node = fleet.nodes[0]
    whole = await replayed(node, http, after=0, of=fleet.ids)
    for cut in (0, 1, len(whole) // 2, len(whole) - 2):
        missed = announced(whole[cut + 1 :])
        resumed = await replayed(node, http, after=whole[cut].id, of=missed)
        assert resumed == whole[cut + 1 :]


async def test_a_stream_that_is_cut_again_and_again_while_events_keep_coming_misses_none_and_repeats_none(
    operator: Operator, http: httpx.AsyncClient
) -> None:
    place = await operator.place()
    node = await operator.node(place)
    seen = await replayed(node, http, after=0, of={node.id})
    async with asyncio.TaskGroup() as group:
        group.create_task(move_pool(place, http, times=60))
        while (missing := 60 - len(mesh_changes(seen))) > 0:
            async with node.events(http, after=seen[-1].id) as stream:
                seen += await stream.until(lambda taken, more=min(3, missing): len(taken) == more)  # type: ignore[misc]
    assert_in_order_and_once(seen)
    async with node.events(http, after=0) as stream:
        assert await stream.until(lambda taken: len(taken) == len(seen)) == seen


async def test_a_node_hears_nothing_of_other_domains(operator: Operator, http: httpx.AsyncClient) -> None:
    place, elsewhere = await operator.place(), await operator.place()
    node = await operator.node(place)
    await operator.node(elsewhere)
    last = await operator.node(place)
    told = await replayed(node, http, after=0, of={last.id})
    assert announced(told) == {node.id, last.id}


async def test_without_a_cursor_nothing_older_is_told(operator: Operator, http: httpx.AsyncClient) -> None:
    place = await operator.place()
    node = await operator.node(place)
    await replayed(node, http, after=0, of={node.id})
    async with node.events(http) as stream:
        second = await operator.node(place)
        told = await stream.peers(second.id)
    assert announced(told) == {second.id}


async def test_an_operator_follows_the_same_stream(operator: Operator, http: httpx.AsyncClient) -> None:
    node = await operator.node(await operator.place())
    headers = {"Last-Event-ID": "0"}
    async with http.stream("GET", f"/v1/nodes/{node.id}/events", headers=headers) as answer:
        assert answer.status_code == 200
        first = await anext(answer.aiter_raw())
    assert first.startswith(b"id: ")


async def replayed(node: Node, http: httpx.AsyncClient, *, after: int, of: set[str]) -> list[Delivery]:
    """What a Node is told behind `after`, up to the last of the Nodes `of`."""
    async with node.events(http, after=after) as stream:
        return await stream.peers(*of)


async def move_pool(place: Place, http: httpx.AsyncClient, *, times: int) -> None:
    """Change the Domain's pool to and fro: each change is an event for all of its Nodes."""
    pool = IPv4Network(place.domain["mesh_cidr"])
    pools = (str(next(pool.subnets())), str(pool))
    for number in range(times):
        patch = {"mesh_cidr": pools[number % 2]}
        assert (await http.patch(f"/v1/domains/{place.domain['id']}", json=patch)).status_code == 200


async def verdicts(fleet: Fleet, http: httpx.AsyncClient) -> list[dict[str, str]]:
    return await asyncio.gather(*(node.reachability(http) for node in fleet.nodes))


def mesh_changes(deliveries: Sequence[Delivery]) -> list[Delivery]:
    return [delivery for delivery in deliveries if delivery.event.type == "node_state_updated"]
