"""Following the stream: what is believed, what is remembered, and when an agent comes back."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plexsphere_apps.simulator import Agent, Mode, Origin
from tests.unit.simulator.conftest import BRISK, ENROLMENT, rules, running
from tests.unit.simulator.fake import BEAT, DOMAIN, KID, ok, problem, stream

FOREIGN = "0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0ff"
NOT_CANONICAL = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.500Z"


def announcement(core, **members):
    return core.frame("node_state_updated", {"domain_id": DOMAIN}, **members)


async def test_a_connected_agent_reconciles_once_and_again_for_each_event(core, agent):
    async with running(agent):
        await core.until(lambda core: len(core.calls("/state")) == 2)  # one at the start, one for the connect
        core.publish(announcement(core))
        await core.until(lambda core: len(core.calls("/state")) == 3)
        await agent.until(lambda standing: standing.events == 1 and standing.heartbeats > 1)

    (asked,) = core.calls("/events")
    assert asked.headers["accept"] == "text/event-stream"
    assert "last-event-id" not in asked.headers
    assert asked.headers["authorization"] == f"Bearer {agent.identity.bearer}"
    assert agent.standing.mode is Mode.STREAMING
    assert not rules(agent)


async def test_a_cut_stream_is_resumed_behind_the_last_event(core, agent):
    async with running(agent):
        await agent.until(lambda standing: standing.mode is Mode.STREAMING)
        core.publish(announcement(core))
        await agent.until(lambda standing: standing.events == 1)
        core.open_streams.pop().put_nowait(None)
        core.publish(announcement(core))
        await agent.until(lambda standing: standing.events == 2)

    assert [asked.headers.get("last-event-id") for asked in core.calls("/events")] == [None, "1"]
    assert not rules(agent)


async def test_the_stream_may_be_cut_by_the_agents_own_time_limit(core):
    origin = Origin(core.url)
    agent = Agent(origin, "one", ENROLMENT, timing=evolve(BRISK, stream_lifetime=0.05))
    async with running(agent):
        await agent.until(lambda standing: standing.connects >= 3)
    origin.close()

    assert not rules(agent)


@pytest.mark.parametrize(
    ("members", "rule"),
    [
        ({"key_id": "k-other"}, "envelopes are believable: key_id_unknown"),
        ({"issued_at": ""}, "envelopes are believable: issued_at_missing"),
        ({"issued_at": "2020-01-01T00:00:00Z"}, "envelopes are believable: issued_at_stale"),
        ({"issued_at": "2099-01-01T00:00:00Z"}, "envelopes are believable: issued_at_ahead"),
        ({"scope": "platform"}, "`scope` names the Domain"),
        ({"issued_at": NOT_CANONICAL}, "the data is the signed bytes and their signature"),
        ({"place": 0}, None),
    ],
)
async def test_what_is_wrong_with_an_envelope_is_noted_and_its_id_remembered(core, agent, members, rule):
    async with running(agent):
        await agent.until(lambda standing: standing.mode is Mode.STREAMING)
        core.publish(announcement(core, **members))
        await agent.until(lambda standing: standing.cursor != "" and standing.heartbeats > 1)

    assert agent.standing.cursor == str(members.get("place", 1))
    assert rule is None or rule in rules(agent)


async def test_a_forged_envelope_is_skipped_and_the_stream_goes_on(core, agent):
    async with running(agent):
        await agent.until(lambda standing: standing.mode is Mode.STREAMING)
        core.publish(announcement(core).replace(DOMAIN.encode(), FOREIGN.encode()))
        core.publish(announcement(core))
        await agent.until(lambda standing: standing.cursor == "2" and standing.events == 1)

    assert "envelopes are believable: signature_invalid" in rules(agent)


@pytest.mark.parametrize(
    ("frame", "rule"),
    [
        (b"id: 1\nevent: x\ndata: nonsense\n\n", "the data of a frame is an envelope"),
        (b"event: x\ndata: {}\n\n", "a frame has a decimal id"),
        (b"id: -1\nevent: x\ndata: {}\n\n", "a frame has a decimal id"),
        (b"data: " + b"x" * 70_000, "a line is below 65,536 bytes"),
    ],
)
async def test_a_frame_that_is_none_is_a_violation(core, agent, frame, rule):
    core.streams.append(stream(frame))
    async with running(agent):
        await agent.until(lambda _: rule in rules(agent) or agent.standing.heartbeats > 20)

    assert rule in rules(agent)


async def test_events_that_repeat_or_go_back_are_violations(core, agent):
    async with running(agent):
        await agent.until(lambda standing: standing.mode is Mode.STREAMING)
        frame = announcement(core, place=7)
        core.publish(frame)
        core.publish(frame)
        await agent.until(lambda standing: standing.events == 2)

    assert rules(agent) == {"ids ascend"}


async def test_an_event_for_another_node_is_a_violation(core, agent):
    async with running(agent):
        await agent.until(lambda standing: standing.mode is Mode.STREAMING)
        core.publish(core.frame("node_state_updated", {"node_id": FOREIGN}))
        await agent.until(lambda standing: standing.events == 1)

    assert rules(agent) == {"`payload.node_id` is the Node of the stream"}


async def test_what_an_event_announces_has_to_be_in_the_pull(core, agent):
    async with running(agent):
        await agent.until(lambda standing: standing.mode is Mode.STREAMING)
        core.publish(core.frame("peer_registered", {"peer_node_id": FOREIGN}))
        await agent.until(lambda _: bool(rules(agent)))

    assert rules(agent) == {"what an event announced is in the pull behind it"}


async def test_a_rotated_signing_key_is_taken_up(core, agent):
    following = Ed25519PrivateKey.generate()
    payload = {
        "key_id": "k-2",
        "public_key": base64.b64encode(following.public_key().public_bytes_raw()).decode(),
        "previous_key_id": KID,
        "transition_expires": f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
    }
    async with running(agent):
        await agent.until(lambda standing: standing.mode is Mode.STREAMING)
        core.publish(core.frame("signing_key_rotated", payload))
        core.publish(announcement(core))
        core.key = following
        core.publish(announcement(core, key_id="k-2"))
        await agent.until(lambda standing: standing.events == 3)

    assert not rules(agent)


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_permanent_refusal_ends_the_loop_and_nothing_else(core, agent, status):
    core.streams.append(problem(status, "nsk_invalid"))
    async with running(agent):
        await agent.until(lambda standing: standing.mode is Mode.STOPPED)
        beats = agent.standing.heartbeats
        await agent.until(lambda standing: standing.heartbeats > beats + 2)

    assert len(core.calls("/events")) == 1
    assert rules(agent) == {"a Node may follow its own stream"}


async def test_any_400_clears_the_cursor(core, agent):
    async with running(agent):
        await agent.until(lambda standing: standing.mode is Mode.STREAMING)
        core.publish(announcement(core))
        await agent.until(lambda standing: standing.events == 1)
        core.streams.append(problem(400, "invalid_cursor"))
        core.open_streams.pop().put_nowait(None)
        await agent.until(lambda standing: standing.connects == 2)

    assert [asked.headers.get("last-event-id") for asked in core.calls("/events")] == [None, "1", None]


@pytest.mark.parametrize(
    "said",
    [
        problem(503, "event_stream_unavailable"),
        problem(429, "slow", Retry_After="0"),
        problem(501, "other"),
        problem(422, "x"),
    ],
)
async def test_a_passing_failure_is_tried_again_and_degrades_the_agent_when_it_lasts(core, agent, said):
    core.streams.extend([said] * 200)
    async with running(agent):
        await agent.until(lambda standing: standing.mode is Mode.DEGRADED)
        core.streams.clear()
        await agent.until(lambda standing: standing.mode is Mode.STREAMING)

    assert len(core.calls("/events")) > 3


async def test_a_bus_that_is_not_provisioned_is_probed_now_and_then(core, agent):
    core.streams.extend([problem(501, "signed_event_bus_not_provisioned"), problem(503, "event_stream_unavailable")])
    seen = []
    agent.watch(lambda standing: seen.append(standing.mode))
    async with running(agent):
        await agent.until(lambda standing: standing.mode is Mode.PULL_ONLY)
        await agent.until(lambda standing: standing.mode is Mode.STREAMING)

    assert Mode.DEGRADED not in seen
    assert len(core.calls("/events")) == 3
    assert not rules(agent)


@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        ({"Cache_Control": "no-store"}, "the stream has `cache-control: no-cache`"),
        ({"X_Plexsphere_API_Version": "v2"}, "the stream has `x-plexsphere-api-version: v1`"),
        ({"Content_Type": "text/plain"}, "the stream is text/event-stream"),
        ({"Content_Encoding": "gzip"}, "the stream is not compressed"),
    ],
)
async def test_a_stream_without_its_headers_is_a_violation(core, agent, headers, rule):
    core.streams.append(stream(**headers))
    async with running(agent):
        await agent.until(lambda standing: standing.connects == 1)

    assert rules(agent) == {rule}


async def test_a_server_that_ends_every_stream_at_once_makes_agents_spin(core, agent):
    core.streams.extend(stream(None) for _ in range(4))
    async with running(agent):
        await agent.until(lambda standing: standing.connects == 5)

    assert rules(agent) == {"a stream is not ended as soon as it was opened"}


async def test_a_heartbeat_may_ask_for_a_pull(core, agent):
    async with running(agent):
        await agent.until(lambda standing: standing.pulls == 2)
        core.beats.append(ok({"accepted_at": "2026-05-27T10:00:00Z", "reconcile": True, "rotate_keys": True}))
        await agent.until(lambda standing: standing.pulls == 3)
        await agent.until(lambda standing: not standing.rotation_asked)

    (first, *_) = core.calls("/heartbeat")
    assert first.json.keys() == {"client_now", "binary_checksum", "binary_version", "nat_summary"}
    assert len(first.json["binary_checksum"]) == 44
    assert not rules(agent)


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        (ok(BEAT | {"accepted_at": "yesterday"}), "`accepted_at` is an instant in UTC"),
        (ok({"accepted_at": "2026-05-27T10:00:00Z"}), "`reconcile` is true or false"),
        (problem(401, "nsk_invalid"), "a Node's own heartbeat is accepted"),
        (problem(404, "node_not_found"), "statuses are those of the contract"),
    ],
)
async def test_a_heartbeat_that_is_answered_wrongly_is_a_violation(core, agent, said, rule):
    core.beats.append(said)
    async with running(agent):
        await agent.until(lambda standing: standing.heartbeats >= 1)

    assert rule in rules(agent)
