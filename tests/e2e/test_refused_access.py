"""Wrong credentials, ids, bodies and pages: what is refused before an operation comes to its own rules."""

import gzip
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from tests.e2e.client import Operator, slug
from tests.e2e.stage import DENIED, MEMBERS, NIL, UNKNOWN, Stage, Wrong, each, problem_in

KIB = 1024
DOMAINS = "/v1/domains"
BODY = {"name": "A Domain", "slug": slug(), "mesh_cidr": "192.168.0.0/30"}

Request = Callable[[Stage], httpx.Request]


def sent(content: bytes, media_type: str = "application/json", **headers: str) -> Request:
    """A Domain's creation with that body."""
    return lambda on: on.post(DOMAINS, content=content, headers={"Content-Type": media_type, **headers})


def dripped(content: bytes) -> Request:
    """The same in chunks, so that nobody knows the length before the end."""

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(content), KIB):
            yield content[start : start + KIB]

    return lambda on: on.post(DOMAINS, content=chunks(), headers={"Content-Type": "application/json"})


def padded(length: int) -> bytes:
    """A Domain that is blown up to `length` bytes with blanks, which JSON allows."""
    return json.dumps(BODY).encode().ljust(length)


def basic(on: Stage) -> str:
    return "Basic " + b64encode(f"operator:{on.operator}".encode()).decode()


CREDENTIALS = [
    Wrong("no credential", 401, "unauthenticated", lambda on: on.get(DOMAINS, token=None)),
    Wrong("a token that is none", 401, "unauthenticated", lambda on: on.get(DOMAINS, token="psk_prod_x_y")),
    Wrong(
        "a token with another secret",
        401,
        "unauthenticated",
        lambda on: on.get(DOMAINS, token=on.operator[:-4] + "aaaa"),
    ),
    Wrong("a revoked token", 401, "unauthenticated", lambda on: on.get(DOMAINS, token=on.revoked)),
    Wrong(
        "the token by another scheme",
        401,
        "unauthenticated",
        lambda on: on.get(DOMAINS, token=None, headers={"Authorization": basic(on)}),
    ),
    Wrong(
        "a Node's key on an operator's surface",
        401,
        "unauthenticated",
        lambda on: on.get(DOMAINS, token=on.node.bearer),
    ),
    Wrong(
        "a cookie that a browser sends along",
        403,
        "csrf_origin_not_configured",
        lambda on: on.post(DOMAINS, BODY, token=None, headers={"Cookie": f"plexsphere_session={on.operator}"}),
    ),
]

IDS = [
    Wrong("no UUID for a Domain", 400, "invalid_domain_id", lambda on: on.get(f"{DOMAINS}/one")),
    Wrong("the nil UUID for a Domain", 400, "invalid_domain_id", lambda on: on.get(f"{DOMAINS}/{NIL}")),
    Wrong("no UUID for an audit chain", 400, "invalid_domain_id", lambda on: on.get(f"{DOMAINS}/one/audit/entries")),
    Wrong("no UUID for a Project", 400, "invalid_project_id", lambda on: on.get("/v1/projects/one")),
    Wrong("the nil UUID for a Resource", 400, "invalid_resource_id", lambda on: on.get(f"/v1/resources/{NIL}")),
    Wrong("an unknown Domain", 404, "domain_not_found", lambda on: on.get(f"{DOMAINS}/{UNKNOWN}")),
    Wrong("an unknown Project", 404, "project_not_found", lambda on: on.delete(f"/v1/projects/{UNKNOWN}")),
    Wrong("an unknown Resource", 404, "resource_not_found", lambda on: on.get(f"/v1/resources/{UNKNOWN}")),
    Wrong("the state of an unknown Node", 404, "node_not_found", lambda on: on.get(f"/v1/nodes/{UNKNOWN}/state")),
    Wrong("the events of an unknown Node", 404, "node_not_found", lambda on: on.get(f"/v1/nodes/{UNKNOWN}/events")),
    Wrong(
        "the audit log of an unknown Domain",
        404,
        "domain_not_found",
        lambda on: on.get(f"{DOMAINS}/{UNKNOWN}/audit/entries"),
    ),
    Wrong("an unknown path", 404, None, lambda on: on.get("/v1/nothing")),
    Wrong("a path with NUL", 404, None, lambda on: on.get("/v1/%00")),
    Wrong("an unknown method", 405, None, lambda on: on.ask("PUT", DOMAINS, json=BODY)),
]

BODIES = [
    Wrong("one byte too many", 413, "request_body_too_large", sent(padded(8 * KIB + 1))),
    Wrong("one byte too many, in chunks", 413, "request_body_too_large", dripped(padded(8 * KIB + 1))),
    Wrong("far too many, in chunks", 413, "request_body_too_large", dripped(padded(1024 * KIB))),
    Wrong(
        "a gzip bomb",
        413,
        "request_body_too_large",
        sent(gzip.compress(b" " * 1024 * KIB), **{"Content-Encoding": "gzip"}),
    ),
    Wrong("an unknown encoding", 400, "invalid_body", sent(json.dumps(BODY).encode(), **{"Content-Encoding": "br"})),
    Wrong("nothing", 400, "invalid_body", sent(b"")),
    Wrong("no JSON", 400, "invalid_body", sent(b"name=A+Domain")),
    Wrong("half of it", 400, "invalid_body", sent(json.dumps(BODY).encode()[:-1])),
    Wrong("more behind it", 400, "invalid_body", sent(json.dumps(BODY).encode() + b"{}")),
    Wrong("a list", 400, "invalid_body", sent(b"[]")),
    Wrong("null", 400, "invalid_body", sent(b"null")),
    Wrong("a raw NUL", 400, "invalid_body", sent(json.dumps(BODY).encode().replace(b"A Domain", b"A\0Domain"))),
    Wrong("an escaped NUL", 400, "invalid_body", sent(json.dumps({**BODY, "name": "A\0Domain"}).encode())),
    Wrong("a lone surrogate", 400, "invalid_body", sent(json.dumps({**BODY, "name": "A\ud800"}).encode())),
    Wrong("no UTF-8", 400, "invalid_body", sent(json.dumps(BODY).encode().replace(b"A Domain", b"A\xff\xfe"))),
    Wrong("another encoding than UTF-8", 400, "invalid_body", sent(json.dumps(BODY).encode("utf-16"))),
    Wrong("deep JSON", 400, "invalid_body", sent(b"[" * 4000 + b"]" * 4000)),
    Wrong(
        "a deep member",
        400,
        "invalid_body",
        sent(json.dumps(BODY).encode()[:-1] + b',"region":' + b'{"a":' * 1200 + b"1" + b"}" * 1201),
    ),
    Wrong(
        "a huge number",
        400,
        "invalid_body",
        sent(json.dumps({**BODY, "name": 0}).encode().replace(b"0", b"9" * 5000, 1)),
    ),
    Wrong("a form", 400, "invalid_body", sent(b"name=A", "application/x-www-form-urlencoded")),
    Wrong("JSON by another name", 400, "invalid_body", sent(json.dumps(BODY).encode(), "text/plain")),
    Wrong("a missing member", 400, "invalid_body", sent(b'{"name":"A Domain"}'), told="slug"),
    Wrong(
        "null for a member",
        400,
        "invalid_body",
        sent(json.dumps({**BODY, "description": None}).encode()),
        told="description",
    ),
    Wrong("a number for a text", 400, "invalid_body", sent(json.dumps({**BODY, "name": 7}).encode()), told="name"),
]


def sized(limit: str) -> Wrong:
    return Wrong(f"limit {limit[:9]!r}", 400, "invalid_limit", lambda on: on.get(DOMAINS, params={"limit": limit}))


PAGES = [
    *(sized(limit) for limit in ("0", "201", "-1", "abc", "1.0", "", "٣", "9" * 5000)),
    Wrong("an invented cursor", 400, "invalid_cursor", lambda on: on.get(DOMAINS, params={"cursor": "one"})),
    Wrong("an empty cursor", 400, "invalid_cursor", lambda on: on.get(DOMAINS, params={"cursor": ""})),
    Wrong("a cursor with NUL", 400, "invalid_cursor", lambda on: on.get(DOMAINS, params={"cursor": "a\0.b"})),
    Wrong(
        "a filter that is no UUID",
        400,
        "invalid_domain_filter",
        lambda on: on.get("/v1/projects", params={"domain_id": "1"}),
    ),
    Wrong(
        "the same for Nodes", 400, "invalid_domain_filter", lambda on: on.get("/v1/nodes", params={"domain_id": NIL})
    ),
]


@each(CREDENTIALS)
async def test_the_credential(wrong: Wrong, stage: Stage) -> None:
    await wrong.is_refused(stage)


@each(IDS)
async def test_the_id(wrong: Wrong, stage: Stage) -> None:
    await wrong.is_refused(stage)


@each(BODIES)
async def test_the_body(wrong: Wrong, stage: Stage) -> None:
    await wrong.is_refused(stage)


@each(PAGES)
async def test_the_page(wrong: Wrong, stage: Stage) -> None:
    await wrong.is_refused(stage)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "{domain}"),
        ("GET", f"{DOMAINS}/{UNKNOWN}"),
        ("DELETE", f"{DOMAINS}/{UNKNOWN}"),
        ("GET", "{project}"),
        ("GET", "{project}/resources"),
        ("GET", "{project}/bootstrap-tokens"),
        ("GET", f"/v1/resources/{UNKNOWN}"),
        ("GET", "{domain}/audit/entries"),
        ("POST", "{domain}/audit/verify"),
        ("GET", "/v1/platform/audit/entries"),
    ],
)
async def test_a_stranger_is_denied_whether_it_exists_or_not(method: str, path: str, stage: Stage) -> None:
    there = path.format(domain=stage.domain, project=stage.project)
    denied = problem_in(await stage.http.send(stage.ask(method, there, token=stage.stranger)), 403, "permission_denied")
    assert denied.keys() <= DENIED
    assert denied["reason"] == "out_of_scope"
    assert denied.get("relation_path", []) == []


async def test_a_stranger_creates_nothing(stage: Stage) -> None:
    ids = stage.place.domain["id"], stage.place.project["id"]
    for path, asked in (
        (DOMAINS, BODY),
        ("/v1/projects", {"domain_id": ids[0], "name": "P", "slug": "p"}),
        ("/v1/projects", {"domain_id": UNKNOWN, "name": "P", "slug": "p"}),
        (f"/v1/projects/{ids[1]}/resources", {"origin": "adopted", "kind": "vm"}),
        (f"/v1/projects/{ids[1]}/bootstrap-tokens", {"kind": "node", "env_prefix": "e", "ttl_seconds": 300}),
    ):
        request = stage.post(path, asked, token=stage.stranger)
        problem_in(await stage.http.send(request), 403, "permission_denied")


async def test_a_stranger_reads_no_node(stage: Stage) -> None:
    for node in (stage.node.id, UNKNOWN):
        for what in ("state", "events", "reachability"):
            request = stage.get(f"/v1/nodes/{node}/{what}", token=stage.stranger)
            refused = problem_in(await stage.http.send(request), 403, "insufficient_relation")
            assert refused.keys() == {*MEMBERS, "code"}


async def test_a_stranger_sees_that_nothing_is_shown(stage: Stage) -> None:
    listed = (await stage.http.send(stage.get(DOMAINS, token=stage.stranger))).json()
    assert (listed["items"], listed["empty_reason"]) == ([], "no_rebac_membership")
    nodes = (await stage.http.send(stage.get("/v1/nodes", token=stage.stranger))).json()
    assert nodes["items"] == []
    assert "empty_reason" not in nodes


async def test_audit_rows_are_hidden_behind_one_answer(stage: Stage) -> None:
    """A row that is there, one that is not, and one of an unknown Domain look alike to a stranger."""
    paths = [
        f"{stage.domain}/audit/entries/1",
        f"{stage.domain}/audit/entries/999999",
        f"{DOMAINS}/{UNKNOWN}/audit/entries/1",
    ]
    told = [
        problem_in(await stage.http.send(stage.get(path, token=stage.stranger)), 404, "audit_entry_not_found")
        for path in paths
    ]
    for problem in told:
        problem.pop("correlation_id")
        problem.pop("instance")
    assert told[0] == told[1] == told[2]
    assert told[0].keys() == {"type", "title", "status", "detail", "code"}


async def test_a_cursor_serves_only_the_list_and_the_caller_that_it_was_made_for(
    operator: Operator, stage: Stage
) -> None:
    await operator.project(stage.place.domain)
    first = (await stage.http.send(stage.get(DOMAINS, params={"limit": 1}))).json()["next_cursor"]
    projects = (await stage.http.send(stage.get("/v1/projects", params={"limit": 1}))).json()["next_cursor"]
    last = first[-1]
    for path, cursor, token, status, code in (
        (DOMAINS, first, stage.stranger, 403, "cursor_binding_mismatch"),
        (DOMAINS, projects, stage.operator, 400, "invalid_cursor"),
        ("/v1/projects", first, stage.operator, 400, "invalid_cursor"),
        (DOMAINS, first[:-1] + ("A" if last != "A" else "B"), stage.operator, 400, "invalid_cursor"),
        (DOMAINS, first[1:], stage.operator, 400, "invalid_cursor"),
        (DOMAINS, first + "A", stage.operator, 400, "invalid_cursor"),
        (DOMAINS, first + "=", stage.operator, 400, "invalid_cursor"),
    ):
        request = stage.get(path, params={"cursor": cursor}, token=token)
        problem_in(await stage.http.send(request), status, code)


async def test_the_callers_correlation_id_is_kept_where_it_is_sound(stage: Stage) -> None:
    for sound in ("a", "of this-test/1", "x" * 128):
        answer = await stage.http.send(stage.get("/v1/nothing", headers={"X-Correlation-Id": sound}))
        assert problem_in(answer, 404, None)["correlation_id"] == sound
    for unsound in ("", "x" * 129, "tab\there"):
        answer = await stage.http.send(stage.get("/v1/nothing", headers={"X-Correlation-Id": unsound}))
        assert problem_in(answer, 404, None)["correlation_id"] != unsound


async def test_a_method_that_is_not_served_is_told_those_that_are(stage: Stage) -> None:
    answer = await stage.http.send(stage.ask("PUT", stage.domain, json=BODY))
    assert problem_in(answer, 405, None)
    assert {"GET", "PATCH", "DELETE"} <= {method.strip() for method in answer.headers["Allow"].split(",")}


async def test_a_refusal_of_a_long_path_is_still_short(stage: Stage) -> None:
    answer = await stage.http.send(stage.get("/v1/" + "nothing/" * 800))
    problem_in(answer, 404, None)
