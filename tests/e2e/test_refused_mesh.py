"""Keys of Nodes that open nothing, heartbeats that are not heard, cursors that lead nowhere; and audit questions."""

import gzip
import json
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest

from tests.e2e.client import Node, heartbeat
from tests.e2e.stage import MEMBERS, UNKNOWN, Stage, Wrong, each, problem_in

READS = ("state", "reachability", "events")


def bearer(node_id: str, key: bytes, form: str = "nsk_plexd_{}") -> str:
    """A Node's credential, as agents spell it."""
    return form.format(urlsafe_b64encode(UUID(node_id).bytes + key).decode().rstrip("="))


def raw(node: Node) -> str:
    """The key as it was told at registration, without the envelope that it belongs into."""
    return b64encode(node.nsk).decode()


def beats(what: str, code: str, **other: object) -> Wrong:
    return Wrong(what, 400, code, lambda on: on.as_node("POST", "heartbeat", json=heartbeat(**other)))


def late(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def skewed(what: str, seconds: float) -> Wrong:
    return Wrong(
        what, 400, "clock_skew", lambda on: on.as_node("POST", "heartbeat", json=heartbeat(client_now=late(seconds)))
    )


def without(member: str, code: str) -> Wrong:
    def request(on: Stage) -> httpx.Request:
        kept = {name: value for name, value in heartbeat().items() if name != member}
        return on.as_node("POST", "heartbeat", json=kept)

    return Wrong(f"no {member}", 400, code, request)


HEARTBEATS = [
    skewed("a clock that is slow", 62),
    skewed("a clock that is fast", -65),
    beats("a time without zone", "malformed_heartbeat_request", client_now="2026-05-27T10:00:00"),
    beats("a time that is none", "malformed_heartbeat_request", client_now="now"),
    beats("a short checksum", "binary_checksum_empty", binary_checksum=b64encode(bytes(31)).decode()),
    beats("a checksum in capital hex", "binary_checksum_empty", binary_checksum="AB" * 32),
    beats("an empty checksum", "binary_checksum_empty", binary_checksum=""),
    beats("a blank version", "binary_version_empty", binary_version="  "),
    beats("an unknown member", "malformed_heartbeat_request", uptime=7),
    beats("null for the NAT", "malformed_heartbeat_request", nat_summary=None),
    beats("a list for the NAT", "malformed_heartbeat_request", nat_summary=[]),
    without("client_now", "malformed_heartbeat_request"),
    without("nat_summary", "malformed_heartbeat_request"),
    without("binary_checksum", "binary_checksum_empty"),
    without("binary_version", "binary_version_empty"),
    Wrong("no JSON", 400, "malformed_heartbeat_request", lambda on: on.as_node("POST", "heartbeat", content=b"{")),
    Wrong("nothing", 400, "malformed_heartbeat_request", lambda on: on.as_node("POST", "heartbeat")),
]

CURSORS = ("one", "-1", "1.5", "0x10", "1 2", "+1", "999999999999", "9" * 19, "9" * 400)


def asks(name: str, value: str) -> Wrong:
    question = {name: value}
    return Wrong(
        f"{name} {value!r}",
        400,
        "invalid_audit_filter",
        lambda on: on.get(f"{on.domain}/audit/entries", params=question),
    )


QUESTIONS = [
    asks("subject", "an-identity"),
    asks("subject", "A" * 64),
    asks("reason", "because"),
    asks("from", "yesterday"),
    asks("to", "2026-05-27"),
    Wrong(
        "an end before the beginning",
        400,
        "invalid_audit_filter",
        lambda on: on.get(
            f"{on.domain}/audit/entries", params={"from": "2026-05-27T10:00:01Z", "to": "2026-05-27T10:00:00Z"}
        ),
    ),
    Wrong("row 0", 400, "invalid_audit_seq", lambda on: on.get(f"{on.domain}/audit/entries/0")),
    Wrong("row one", 400, "invalid_audit_seq", lambda on: on.get(f"{on.domain}/audit/entries/one")),
    Wrong(
        "a row behind the last", 404, "audit_entry_not_found", lambda on: on.get(f"{on.domain}/audit/entries/999999")
    ),
    Wrong(
        "a walk backwards",
        400,
        "invalid_audit_seq",
        lambda on: on.post(f"{on.domain}/audit/verify", {"from_seq": 2, "to_seq": 1}),
    ),
    Wrong("a walk from 0", 400, "invalid_audit_seq", lambda on: on.post(f"{on.domain}/audit/verify", {"from_seq": 0})),
    Wrong("a walk from one", 400, "invalid_body", lambda on: on.post(f"{on.domain}/audit/verify", {"from_seq": "1"})),
    Wrong("to erase nobody", 400, "invalid_body", lambda on: on.post(f"{on.domain}/audit/erase-identity", {})),
    Wrong("to erase nothing", 400, "invalid_body", lambda on: on.post(f"{on.domain}/audit/erase-identity")),
    Wrong(
        "to erase what is no UUID",
        400,
        "invalid_body",
        lambda on: on.post(f"{on.domain}/audit/erase-identity", {"identity_id": "me"}),
    ),
]


@each(HEARTBEATS)
async def test_the_heartbeat(wrong: Wrong, stage: Stage) -> None:
    await wrong.is_refused(stage)


@pytest.mark.parametrize("cursor", CURSORS)
async def test_the_cursor_of_a_stream(cursor: str, stage: Stage) -> None:
    request = stage.as_node("GET", "events", headers={"Last-Event-ID": cursor})
    problem_in(await stage.http.send(request), 400, "invalid_cursor")


@each(QUESTIONS)
async def test_the_question_to_the_audit_log(wrong: Wrong, stage: Stage) -> None:
    await wrong.is_refused(stage)


async def test_a_heartbeat_needs_the_key_of_its_node(stage: Stage) -> None:
    """Each credential with its own code; that of another Node is told in the form of a denial."""
    path = f"/v1/nodes/{stage.node.id}/heartbeat"
    key, other = stage.node.nsk, stage.foreign.nsk
    for token, code in (
        (None, "unauthorized"),
        ("rubbish", "unauthorized"),
        (raw(stage.node), "unauthorized"),
        (stage.operator, "unauthorized"),
        (bearer(stage.node.id, key[:31]), "unauthorized"),
        (bearer(stage.node.id, key, "nsk__{}"), "unauthorized"),
        (bearer(stage.node.id, other), "nsk_invalid"),
        (bearer(stage.node.id, bytes(32)), "nsk_invalid"),
        (bearer(UNKNOWN, key), "nsk_invalid"),
    ):
        problem_in(await stage.http.send(stage.post(path, heartbeat(), token=token)), 401, code)
    foreign = await stage.http.send(stage.post(path, heartbeat(), token=stage.foreign.bearer))
    denied = problem_in(foreign, 403, "node_id_mismatch")
    assert (denied["reason"], denied["relation_path"]) == ("insufficient_relation", [])


@pytest.mark.parametrize("what", READS)
async def test_a_node_reads_nothing_of_another(what: str, stage: Stage) -> None:
    path = f"/v1/nodes/{stage.node.id}/{what}"
    for token, status, code in (
        (None, 401, "unauthenticated"),
        ("rubbish", 401, "unauthenticated"),
        (raw(stage.node), 401, "nsk_invalid"),
        (bearer(stage.node.id, stage.foreign.nsk), 401, "nsk_invalid"),
        (bearer(UNKNOWN, stage.node.nsk), 401, "nsk_invalid"),
        (stage.foreign.bearer, 403, "node_id_mismatch"),
    ):
        refused = problem_in(await stage.http.send(stage.get(path, token=token)), status, code)
        assert refused.keys() == {*MEMBERS, "code"}


async def test_any_environment_may_stand_in_a_key(stage: Stage) -> None:
    for form in ("nsk_x_{}", "nsk_Prod-1_{}"):
        token = bearer(stage.node.id, stage.node.nsk, form)
        answer = await stage.http.send(stage.get(f"/v1/nodes/{stage.node.id}/state", token=token))
        assert answer.status_code == 200


async def test_clocks_and_checksums_that_just_pass(stage: Stage) -> None:
    for just in (heartbeat(client_now=late(58)), heartbeat(client_now=late(-58)), heartbeat(binary_checksum="ab" * 32)):
        answer = await stage.http.send(stage.as_node("POST", "heartbeat", json=just))
        assert answer.status_code == 200, answer.text


async def test_agents_may_compress_what_they_send(stage: Stage) -> None:
    beat = gzip.compress(json.dumps(heartbeat()).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    answer = await stage.http.send(stage.as_node("POST", "heartbeat", content=beat, headers=headers))
    assert answer.status_code == 200, answer.text


async def test_a_cursor_of_one_chain_is_none_of_another(stage: Stage) -> None:
    listed = await stage.http.send(stage.get(f"{stage.domain}/audit/entries", params={"limit": 1}))
    cursor = {"cursor": listed.json()["next_cursor"]}
    elsewhere = stage.get(f"/v1/domains/{stage.elsewhere.domain['id']}/audit/entries", params=cursor)
    problem_in(await stage.http.send(elsewhere), 400, "invalid_cursor")
    problem_in(await stage.http.send(stage.get("/v1/platform/audit/entries", params=cursor)), 400, "invalid_cursor")


async def test_a_denial_is_found_by_its_correlation_id(stage: Stage) -> None:
    denied = problem_in(await stage.http.send(stage.get(stage.domain, token=stage.stranger)), 403, "permission_denied")
    found = stage.get(f"{stage.domain}/audit/entries", params={"correlation_id": denied["correlation_id"]})
    [row] = (await stage.http.send(found)).json()["items"]
    assert (row["reason"], row["decision"]["result"]) == (denied["reason"], denied["reason"])
    assert row["object"] == {"type": "domain", "id": stage.place.domain["id"]}
