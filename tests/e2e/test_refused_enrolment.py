"""Tokens that are not issued, and machines that do not become Nodes. No refusal costs a token."""

from base64 import b64encode
from uuid import uuid4

import httpx
import pytest
from attrs import evolve

from tests.e2e.client import Json, Machine, Operator
from tests.e2e.stage import UNKNOWN, Stage, Wrong, each, problem_in

TOKEN: Json = {"kind": "node", "env_prefix": "test", "ttl_seconds": 300}


def tokens_of(project: str, *token: str) -> str:
    """The path of a Project's tokens, or of one of them."""
    return "/".join(["/v1/projects", project, "bootstrap-tokens", *token])


def tokens(what: str, **other: object) -> Wrong:
    return Wrong(what, 400, "invalid_body", lambda on: on.post(tokens_of(on.place.project["id"]), {**TOKEN, **other}))


ADMINISTRATION = [
    tokens("an unknown kind", kind="cloud"),
    tokens("a life too short", ttl_seconds=299),
    tokens("a life too long", ttl_seconds=86401),
    tokens("half a second of life", ttl_seconds=300.5),
    tokens("a life in words", ttl_seconds="300"),
    tokens("an environment in capitals", env_prefix="TEST"),
    tokens("an environment with an underscore", env_prefix="te_st"),
    tokens("no environment", env_prefix=""),
    Wrong(
        "a token of an unknown Project",
        404,
        "project_not_found",
        lambda on: on.post(tokens_of(UNKNOWN), TOKEN),
    ),
    Wrong(
        "an unknown token",
        404,
        "bootstrap_token_not_found",
        lambda on: on.get(tokens_of(on.place.project["id"], UNKNOWN)),
    ),
    Wrong(
        "a token of another Project",
        404,
        "bootstrap_token_not_found",
        lambda on: on.get(tokens_of(on.elsewhere.project["id"], on.consumed_id)),
    ),
    Wrong(
        "to revoke what was redeemed",
        409,
        "token_consumed",
        lambda on: on.delete(tokens_of(on.place.project["id"], on.consumed_id)),
    ),
    Wrong(
        "to revoke twice",
        409,
        "token_revoked",
        lambda on: on.delete(tokens_of(on.place.project["id"], on.withdrawn_id)),
    ),
]


def keys(what: str, key: object) -> Wrong:
    return Wrong(what, 400, "public_key_invalid", lambda on: on.register(on.live, public_key=key))


def violations(what: str, **other: object) -> Wrong:
    return Wrong(what, 422, "invariant_violation", lambda on: on.register(on.live, **other))


def malformed(what: str, token: str) -> Wrong:
    return Wrong(what, 422, "bootstrap_token_invalid", lambda on: on.register(on.live, bootstrap_token=token))


REDEMPTION = [
    keys("a short key", b64encode(bytes(range(1, 32))).decode()),
    keys("a long key", b64encode(bytes(range(1, 34))).decode()),
    keys("a key of zeros", b64encode(bytes(32)).decode()),
    keys("a key that is no base64", "!" * 43 + "="),
    keys("a key without padding", b64encode(b"k" * 32).decode().rstrip("=")),
    keys("a key in the other alphabet", "-" * 43 + "="),
    keys("a key with stray bits", "A" * 42 + "B="),
    keys("no key", ""),
    Wrong(
        "a bad key and a consumed token",
        400,
        "public_key_invalid",
        lambda on: on.register(on.consumed, public_key="short"),
    ),
    violations("the nil Project", project_id="00000000-0000-0000-0000-000000000000"),
    violations("a Project that is no UUID", project_id="one"),
    violations("a blank handle", resource_handle=" "),
    violations("a blank token", bootstrap_token=" "),
    violations("a blank nonce", nonce=""),
    violations("a nonce beyond all measure", nonce="n" * 4097),
    malformed("a token that is none", "psb_"),
    malformed("a token of another grammar", "psk_test_aaaa_node_aaaaaaaaaaaaaaaaaaaaaaaaaa"),
    malformed("a token whose Project is too short", "psb_test_aaaa_node_" + "a" * 34),
    Wrong("an unknown Project", 404, "project_not_found", lambda on: on.register(on.live, project_id=UNKNOWN)),
    Wrong("an unknown handle", 404, "resource_not_found", lambda on: on.register(on.live, resource_handle="nothing")),
    Wrong(
        "an unknown override of the handle",
        404,
        "resource_not_found",
        lambda on: on.register(on.live, requested_resource_id="nothing"),
    ),
    Wrong(
        "another Project than the token's",
        403,
        "project_mismatch",
        lambda on: on.register(
            on.live,
            project_id=on.elsewhere.project["id"],
            resource_handle=on.elsewhere.resource["external_ref"],
        ),
    ),
    Wrong("a bridge's token on a machine", 403, "kind_mismatch", lambda on: on.register(on.bridge)),
    Wrong(
        "a redeemed token with another nonce",
        403,
        "token_consumed",
        lambda on: on.register(on.consumed, nonce=str(uuid4())),
    ),
    Wrong(
        "a redeemed token with another key",
        403,
        "token_consumed",
        lambda on: on.register(on.consumed, public_key=b64encode(b"k" * 32).decode()),
    ),
    Wrong("an expired token", 403, "token_expired", lambda on: on.register(on.expired)),
    Wrong("a revoked token", 403, "token_revoked", lambda on: on.register(on.withdrawn)),
    Wrong(
        "a token with another secret",
        403,
        "token_revoked",
        lambda on: on.register(evolve(on.live, token=forged(on.live))),
    ),
    Wrong("a nonce that was used", 403, "nonce_collision", lambda on: on.register(on.live, nonce=on.consumed.nonce)),
    Wrong("no JSON", 400, "invalid_body", lambda on: on.post("/v1/register", content=b"{", token=None)),
    Wrong("NUL in the nonce", 400, "invalid_body", lambda on: on.register(on.live, nonce="a\0b")),
    Wrong(
        "a body beyond all measure",
        422,
        "invariant_violation",
        lambda on: on.post("/v1/register", content=b" " * 200_000, token=None),
    ),
]


def forged(machine: Machine) -> str:
    """The token, with another secret behind the part that is looked up."""
    return machine.token[:-4] + "aaaa"


@each(ADMINISTRATION)
async def test_the_token_that_is_asked_for(wrong: Wrong, stage: Stage) -> None:
    await wrong.is_refused(stage)


@each(REDEMPTION)
async def test_the_machine(wrong: Wrong, stage: Stage) -> None:
    problem = await wrong.is_refused(stage)
    assert "reason" not in problem


async def test_nothing_that_is_refused_costs_the_token_or_leaves_a_node(operator: Operator, stage: Stage) -> None:
    machine = await operator.machine(stage.place)
    here = stage.get("/v1/nodes", params={"domain_id": stage.place.domain["id"]})
    before = (await stage.http.send(here)).json()
    for wrong in REDEMPTION:
        await wrong.is_refused(evolve(stage, live=machine))
    assert (await stage.http.send(here)).json() == before
    await machine.enrol(stage.http)


async def test_a_repetition_of_the_whole_request_is_answered_as_the_first(stage: Stage, operator: Operator) -> None:
    machine = await operator.machine(stage.place)
    first, again = await machine.ask(stage.http), await machine.ask(stage.http)
    assert (first.status_code, again.status_code) == (201, 201)
    for member in ("node_id", "mesh_ip", "nsk", "signing_public_key", "signing_key_id", "domain_mesh_cidr"):
        assert first.json()[member] == again.json()[member]


async def test_a_pool_that_is_full_keeps_the_token_for_when_it_is_not(
    operator: Operator, http: httpx.AsyncClient
) -> None:
    """A pool of four addresses has two for Nodes; the lowest is free again once its Node is gone."""
    place = await operator.place(prefix=30)
    leaving = evolve(place, resource=await operator.resource(place.project))
    nodes = [await operator.node(leaving), await operator.node(place)]
    late = await operator.machine(place)
    for _ in range(2):
        problem_in(await late.ask(http), 503, "pool_exhausted")
    assert (await http.delete(f"/v1/resources/{leaving.resource['id']}")).status_code == 204
    node = await late.enrol(http)
    assert node.mesh_ip == nodes[0].mesh_ip


async def test_a_reserved_range_that_is_full_does_not_spill_over(operator: Operator, http: httpx.AsyncClient) -> None:
    """Four addresses are two for Nodes, in a reserved range as in a pool."""
    place = await operator.place()
    project = f"/v1/projects/{place.project['id']}"
    reserved = {"sub_range_cidr": place.domain["mesh_cidr"].replace("/22", "/30")}
    assert (await http.patch(project, json=reserved)).status_code == 200
    machines = [await operator.machine(place) for _ in range(3)]
    answers = [await machine.ask(http) for machine in machines]
    assert [answer.status_code for answer in answers] == [201, 201, 503]
    problem_in(answers[-1], 503, "subrange_exhausted")
    assert (await http.patch(project, json={"release_sub_range": True})).status_code == 200
    await machines[-1].enrol(http)


@pytest.mark.parametrize(("kind", "token"), [("bridge", "bridge"), ("vm", "node")])
async def test_the_kind_of_the_resource_decides_on_the_kind_of_token(
    kind: str, token: str, operator: Operator, http: httpx.AsyncClient
) -> None:
    place = await operator.place()
    resource = await operator.resource(place.project, kind=kind)
    for presented in ("node", "bridge"):
        issued = await operator.token(place.project, kind=presented)
        answer = await Machine(place.project["id"], resource["id"], issued["token"]).ask(http)
        if presented == token:
            assert answer.status_code == 201, answer.text
        else:
            problem_in(answer, 403, "kind_mismatch")
