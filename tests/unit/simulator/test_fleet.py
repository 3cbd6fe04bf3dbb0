"""What agents find out together."""

import asyncio
import json
import sys

import orjson
import pytest

from plexsphere_apps.simulator import Fleet, Mode, Origin, Standing
from plexsphere_apps.simulator.deliveries import Deliveries, Run
from plexsphere_apps.simulator.main import as_json, as_text, changes
from plexsphere_apps.simulator.observations import Observations
from tests.unit.simulator.conftest import BRISK, ENROLMENT
from tests.unit.simulator.fake import DOMAIN, ok, problem, stream

SCOPE = f"domain:{DOMAIN}"


@pytest.fixture
def fleet(core):
    fleet = Fleet(Origin(core.url), timing=BRISK)
    for number in range(3):
        fleet.add(f"agent-{number}", ENROLMENT)
    return fleet


async def test_a_fleet_enrols_and_follows(core, fleet):
    async with fleet.running():
        await fleet.until(lambda standing: standing.mode is Mode.STREAMING and standing.heartbeats > 1)
        core.publish(core.frame("node_state_updated", {"domain_id": DOMAIN}))
        await fleet.until(lambda standing: standing.events == 1)
    report = fleet.report()

    assert report.clean
    assert (report.agents, report.enrolled, report.streaming, report.heard, report.events) == (3, 3, 3, 3, 3)
    assert report.counts["register 201"] == 3
    assert report.latencies["register"].count == report.latencies["delivery"].count == 3
    assert json.loads(as_json(report))["violations"] == []
    assert as_text(report).endswith("no violations")


async def test_one_agent_that_cannot_enrol_does_not_stop_the_others(core, fleet):
    core.registrations.append(problem(403, "token_consumed"))
    async with fleet.running():
        await fleet.settled()
        await core.until(lambda core: len(core.open_streams) == 2)
    (broken,) = fleet.report().violations

    assert broken.samples[0].rule == "an enrolment succeeds"
    assert "token_consumed" in broken.samples[0].detail


async def test_an_event_that_one_agent_did_not_get_is_found(core, fleet):
    async with fleet.running():
        await fleet.until(lambda standing: standing.mode is Mode.STREAMING)
        frames = [core.frame("node_state_updated", {"domain_id": DOMAIN}, place=place) for place in (1, 2, 3)]
        for frame in frames:
            core.publish(frame)
        await fleet.until(lambda standing: standing.events == 3)
        core.publish(core.frame("node_state_updated", {"domain_id": DOMAIN}, place=4))
        deprived = core.open_streams.pop()
        core.publish(core.frame("node_state_updated", {"domain_id": DOMAIN}, place=5))
        last = core.frame("node_state_updated", {"domain_id": DOMAIN}, place=6)
        deprived.put_nowait(last)
        core.publish(last)
        await fleet.until(lambda standing: standing.cursor == "6")
    (broken,) = fleet.report().violations

    assert broken.samples[0].rule == "no event is lost or doubled"
    assert broken.samples[0].detail == "1 between 1 and 6"


async def test_an_address_that_is_given_twice_is_found(core, fleet):
    twice = core.identity("0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0e1")
    core.registrations.extend(
        [ok(twice, 201), ok({**twice, "node_id": "0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0e2", "peer_snapshot": []}, 201)]
    )
    async with fleet.running():
        await fleet.settled()

    assert "mesh addresses of a Domain differ" in as_text(fleet.report())


def test_runs_are_compared_over_their_own_stretch_only():
    deliveries = Deliveries()
    for place in (1, 3, 2, 3, 9):
        assert deliveries.note(SCOPE, place, f"event-{place}")
    for run in (Run("a", SCOPE, 1, 9, 4), Run("b", SCOPE, 2, 3, 2), Run("c", SCOPE, 1, 3, 2), Run("d", SCOPE, 3, 3, 2)):
        deliveries.close(run)

    assert [(run.agent, missing) for run, missing in deliveries.gaps()] == [("c", 1), ("d", -1)]


def test_an_event_at_two_places_is_found():
    deliveries = Deliveries()

    assert deliveries.note(SCOPE, 1, "event")
    assert not deliveries.note(SCOPE, 2, "event")


def test_quantiles_are_those_of_the_nearest_rank():
    observations = Observations()
    for milliseconds in range(1, 101):
        observations.took("pull", milliseconds / 1000)
    latency = observations.latency("pull")

    assert (latency.count, latency.p50, latency.p99, latency.max) == (100, 50.0, 99.0, 100.0)
    assert observations.latency("nothing") is None


def test_a_line_is_emitted_for_each_visible_change():
    lines: list[str] = []
    watch, standing = changes(lines.append), Standing("one")
    watch(standing)
    standing.heartbeats += 1
    watch(standing)
    standing.reachability = "healthy"
    watch(standing)

    assert [orjson.loads(line)["reachability"] for line in lines] == ["", "healthy"]
    assert orjson.loads(lines[0]).keys() == {"node_id", "name", "mesh_ip", "reachability", "last_event", "events"}


@pytest.mark.parametrize(("said", "code"), [(None, 0), (b"id: 1\nevent: x\ndata: {}\n\n", 1)], ids=["sound", "broken"])
async def test_the_command_says_whether_the_server_kept_its_protocol(core, tmp_path, said, code):
    token = tmp_path / "token"
    token.write_text("psk_dev_x")
    if said:
        core.streams.append(stream(said))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "plexsphere_apps.simulator.main", "--core-url", core.url, "--operator-token-file",
        str(token), "--nodes", "2", "--duration", "0.5", "--json",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    report = orjson.loads(output)

    assert (process.returncode, report["enrolled"]) == (code, 2)
    assert bool(report["violations"]) is bool(code)
