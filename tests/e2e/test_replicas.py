"""Two cores on the same stores: whatever one knows the other knows, and one is enough."""

import asyncio
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from attrs import frozen

from tests.e2e.client import PATIENCE, Delivery, Node, Operator, announced, assert_in_order_and_once, connected
from tests.e2e.principals import revoke, stranger
from tests.e2e.stage import problem_in
from tests.e2e.system import WELL_AGAIN, System
from tests.embedded import STOPPING, leashed


@frozen
class Replica:
    """A core that was started beside the system's own, in the same environment."""

    process: "subprocess.Popen[bytes]"
    url: str


@frozen
class Pair:
    """The system's own core and its replica, as an operator sees them."""

    system: System
    replica: Replica
    one: httpx.AsyncClient
    two: httpx.AsyncClient


@pytest.fixture(scope="module")
async def pair(fragile: System) -> AsyncIterator[Pair]:
    with replica_of(fragile) as replica:
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(connected(url, fragile.operator_token))
                for url in (fragile.url, replica.url)
            ]
            await ready(clients[1])
            yield Pair(fragile, replica, *clients)


@contextmanager
def replica_of(system: System) -> Iterator[Replica]:
    """A second core; it logs beside the first."""
    first = psutil.Process(system.facts.pids["core"])
    with tempfile.TemporaryDirectory() as scratch, (system.logs / "replica.log").open("ab") as log:
        told = Path(scratch) / "addr"
        argv = [*_without_addresses(first.cmdline()), "--addr", "127.0.0.1:0", "--addr-file", str(told)]
        process = subprocess.Popen(leashed(argv), env=first.environ(), stdout=log, stderr=log, cwd="/")
        try:
            yield Replica(process, f"http://{_told(told, process)}")
        finally:
            process.kill()
            process.wait(STOPPING)


def _without_addresses(argv: list[str]) -> list[str]:
    flags = [at for at, word in enumerate(argv) if word.startswith("--addr")]
    return [word for at, word in enumerate(argv) if at not in flags and at - 1 not in flags]


def _told(path: Path, process: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + WELL_AGAIN
    while not path.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return path.read_text().strip()


async def ready(core: httpx.AsyncClient) -> None:
    async with asyncio.timeout(WELL_AGAIN):
        while (await core.get("/readyz")).status_code != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_both_serve_what_either_did(pair: Pair) -> None:
    one, two = Operator(pair.one), Operator(pair.two)
    place = await one.place()
    first = await two.node(place)
    second = await one.node(place)
    assert [peer["node_id"] for peer in (await first.state(pair.one))["peers"]] == [second.id]
    assert [peer["node_id"] for peer in (await second.state(pair.two))["peers"]] == [first.id]

    await first.heartbeat(pair.one)
    async with asyncio.timeout(PATIENCE):
        while (await first.reachability(pair.two))["state"] != "healthy":  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_machines_that_enrol_through_both_get_addresses_of_their_own(pair: Pair) -> None:
    place = await Operator(pair.one).place()
    machines = await asyncio.gather(*(Operator(pair.one).machine(place) for _ in range(8)))
    nodes = await asyncio.gather(
        *(machine.enrol(core) for machine, core in zip(machines, [pair.one, pair.two] * 4, strict=True))
    )
    assert len({node.mesh_ip for node in nodes}) == len({node.id for node in nodes}) == 8
    told = [await replayed(nodes[0], core, {node.id for node in nodes}) for core in (pair.one, pair.two)]
    assert told[0] == told[1]
    assert_in_order_and_once(told[0])


async def test_a_request_that_is_repeated_through_the_other_makes_no_second_node(pair: Pair) -> None:
    place = await Operator(pair.one).place()
    machine = await Operator(pair.one).machine(place)
    answers = await asyncio.gather(machine.ask(pair.one), machine.ask(pair.two))
    assert [answer.status_code for answer in answers] == [201, 201]
    assert len({answer.json()["node_id"] for answer in answers}) == 1
    assert len({answer.json()["nsk"] for answer in answers}) == 1


async def test_a_cursor_of_one_is_good_for_the_other(pair: Pair) -> None:
    operator = Operator(pair.one)
    domain = await operator.domain()
    made = [await operator.project(domain) for _ in range(2)]
    asked = {"domain_id": domain["id"], "limit": "1"}
    first = (await pair.one.get("/v1/projects", params=asked)).json()
    rest = (await pair.two.get("/v1/projects", params={**asked, "cursor": first["next_cursor"]})).json()
    assert {project["id"] for project in first["items"] + rest["items"]} == {project["id"] for project in made}


async def test_a_revoked_token_is_refused_by_both_at_once(pair: Pair) -> None:
    caller = await stranger(pair.system)
    bearer = {"Authorization": f"Bearer {caller.token}"}
    for _ in range(2):
        for core in (pair.one, pair.two):
            assert (await core.get("/v1/domains", headers=bearer)).status_code == 200
    await revoke(pair.system, caller)
    for core in (pair.one, pair.two):
        problem_in(await core.get("/v1/domains", headers=bearer), 401, "unauthenticated")


async def test_a_retired_node_is_refused_by_both_at_once(pair: Pair) -> None:
    operator = Operator(pair.one)
    place = await operator.place()
    node = await operator.node(place)
    await node.state(pair.one)
    await node.state(pair.two)
    assert (await pair.one.delete(f"/v1/resources/{place.resource['id']}")).status_code == 204
    for core in (pair.one, pair.two):
        refused = await core.get(f"/v1/nodes/{node.id}/state", headers=node.headers)
        problem_in(refused, 401, "nsk_revoked")


async def test_events_go_on_when_the_one_that_relayed_them_is_killed(pair: Pair) -> None:
    """The system's own core was there first, so it relays; meanwhile the other one registers, and its Nodes hear it."""
    operator = Operator(pair.two)
    place = await operator.place()
    node = await operator.node(place)
    async with node.events(pair.two, after=0) as stream:
        killed = pair.system.kill("core")
        second = await operator.node(place)
        told = await stream.peers(node.id, second.id)
    assert announced(told) == {node.id, second.id}
    await pair.system.until_well(pair.one, without=killed)


async def test_one_goes_on_when_the_other_is_killed(pair: Pair) -> None:
    """The last of these tests: the replica does not come back."""
    operator = Operator(pair.one)
    place = await operator.place()
    node = await operator.node(place)
    async with node.events(pair.one, after=0) as stream:
        pair.replica.process.kill()
        pair.replica.process.wait(STOPPING)
        second = await operator.node(place)
        told = await stream.peers(node.id, second.id)
    assert_in_order_and_once(told)
    chain = f"/v1/domains/{place.domain['id']}/audit/verify"
    assert (await pair.one.post(chain, json={})).json()["ok"] is True


async def replayed(node: Node, core: httpx.AsyncClient, of: set[str]) -> list[Delivery]:
    async with node.events(core, after=0) as stream:
        return await stream.peers(*of)
