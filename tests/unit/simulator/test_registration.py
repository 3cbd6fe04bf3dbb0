"""Enrolment as plexd does it: what is retried, what is final, and what is wrong with an answer."""

import base64

import pytest

from plexsphere_apps.simulator.forms import decoded_key
from plexsphere_apps.simulator.identity import Identity, UnusableIdentity
from plexsphere_apps.simulator.registration import RegistrationFailed
from tests.unit.simulator.conftest import rules
from tests.unit.simulator.fake import Said, ok, problem

NODE = "0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a3"
PEER = {"node_id": NODE[:-1] + "4", "mesh_ip": "100.64.0.9", "public_key": "A" * 43 + "="}
PROBLEM = {"Content-Type": "application/problem+json"}


def test_the_bearer_envelope_of_the_known_vector(core):
    identity = Identity.of(core.identity(NODE))

    assert identity.bearer == "nsk_plexd_AZCouKDAegqKCqCgoKCgowABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
    assert "AQID" not in repr(identity)


async def test_an_agent_enrols(core, agent):
    identity = await agent.enrol()
    (asked,) = core.asked

    assert str(identity.node_id) in core.nodes
    assert asked.json.keys() == {"project_id", "resource_handle", "bootstrap_token", "nonce", "public_key"}
    assert decoded_key(asked.json["public_key"]) is not None
    assert "authorization" not in asked.headers
    assert not rules(agent)


@pytest.mark.parametrize(
    "said",
    [problem(503, "pool_exhausted"), problem(500, "internal"), problem(429, "slow_down", Retry_After="0")],
    ids=["503", "500", "429"],
)
async def test_a_passing_refusal_is_tried_again_with_the_same_request(core, agent, said):
    core.registrations.extend([said, said])
    await agent.enrol()
    first, second, third = core.asked

    assert first.body == second.body == third.body


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
async def test_a_final_refusal_is_not_tried_again(core, agent, status):
    core.registrations.append(problem(status, "token_consumed"))
    with pytest.raises(RegistrationFailed) as caught:
        await agent.enrol()

    assert (caught.value.status, caught.value.code) == (status, "token_consumed")
    assert len(core.asked) == 1


async def test_after_five_minutes_the_agent_gives_up(core, agent):
    core.registrations.extend([problem(503, "allocator_contention")] * 200)
    with pytest.raises(RegistrationFailed) as caught:
        await agent.enrol()

    assert caught.value.code == "allocator_contention"
    assert len(core.asked) > 3


async def test_a_der_wrapped_signing_key_makes_the_agent_unable_to_start(core, agent):
    wrapped = base64.b64encode(bytes.fromhex("302a300506032b6570032100") + bytes(32)).decode()
    core.registrations.append(ok({**core.identity(NODE), "signing_public_key": wrapped}, 201))
    with pytest.raises(UnusableIdentity):
        await agent.enrol()

    assert rules(agent) == {"`signing_public_key` is base64 of 32 raw bytes"}


@pytest.mark.parametrize(
    ("member", "value", "rule"),
    [
        ("mesh_ip", "100.128.0.1", "`mesh_ip` lies in `domain_mesh_cidr`"),
        ("domain_mesh_cidr", "100.64.0.1/10", "`domain_mesh_cidr` is a canonical IPv4 prefix"),
        ("domain_mesh_cidr", None, "`domain_mesh_cidr` is a canonical IPv4 prefix"),
        ("nsk", "A" * 32, "`nsk` is padded base64 of 32 bytes"),
        ("peer_snapshot", None, "`peer_snapshot` is an array"),
        ("peer_snapshot", [PEER | {"node_id": NODE}], "a Node is not its own peer"),
        ("peer_snapshot", [PEER | {"node_id": "x"}], "a peer's `node_id` is a UUID"),
        ("peer_snapshot", [PEER, PEER], "peers differ in id and address"),
    ],
)
async def test_a_flaw_that_an_agent_survives_is_still_a_violation(core, agent, member, value, rule):
    core.registrations.append(ok({**core.identity(NODE), member: value}, 201))
    await agent.enrol()

    assert rule in rules(agent)


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        (Said(503, b"<html>", {"Content-Type": "text/html"}), "an error is application/problem+json"),
        (Said(503, b"{}", PROBLEM), "a problem has `correlation_id`"),
        (Said(503, b"x" * 5000, PROBLEM), "a problem document has at most 4096 bytes"),
        (Said(302, b"", {"Location": "/"}), "statuses are those of the contract"),
    ],
)
async def test_an_error_that_is_no_problem_document_is_a_violation(core, agent, said, rule):
    core.registrations.append(said)
    try:
        await agent.enrol()
    except RegistrationFailed:
        assert said.status == 302

    assert rule in rules(agent)


async def test_an_identity_that_was_kept_needs_no_call(core, agent, tmp_path):
    agent._kept = tmp_path / "one.json"
    first = await agent.enrol()
    agent.identity = None
    second = await agent.enrol()

    assert second == first
    assert len(core.asked) == 1
    assert agent._kept.stat().st_mode & 0o777 == 0o600
