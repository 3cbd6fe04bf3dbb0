"""The audit surface over HTTP, on memory: statuses, codes, shapes, and who may."""

import base64
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from attrs import define, evolve, field

from plexsphere_adapters.decisions import AuditedDecisions
from plexsphere_adapters.http import audit
from plexsphere_adapters.http.admission import Credentials
from plexsphere_adapters.http.application import application
from plexsphere_adapters.http.csrf import CsrfGuard
from plexsphere_adapters.http.cursors import Cursors
from plexsphere_adapters.http.endpoint import Surroundings
from plexsphere_adapters.memory.audit import MemoryAuditStore
from plexsphere_adapters.memory.authz import MemoryGraph, MemoryResidency
from plexsphere_adapters.system import SystemClock, random_bytes, uuid7
from plexsphere_domain.audit.chain import append
from plexsphere_domain.audit.erasure import Erasure
from plexsphere_domain.audit.log import AuditLog
from plexsphere_domain.audit.model import PLATFORM, Archived, Head, Reason, Scope, StoredEntry
from plexsphere_domain.authz.last_known import LastKnownDecisions, StaleTtl
from plexsphere_domain.authz.model import PLATFORM as PLATFORM_OBJECT
from plexsphere_domain.authz.model import ObjectRef, ObjectType, Relation, RelationTuple
from plexsphere_domain.authz.service import Authorizer
from plexsphere_domain.identity.api_tokens.errors import ApiTokenRefused
from plexsphere_domain.identity.api_tokens.service import AuthenticatedCaller
from plexsphere_domain.kernel.actor import Principal, PrincipalKind
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.kernel.secrets import SecretStr
from tests.ports.audit import START, System, record

Json = dict[str, Any]


@define
class Callers:
    """Tokens that are the names of those who hold them."""

    known: dict[str, Principal] = field(factory=dict)

    async def authenticate(self, presented: SecretStr) -> AuthenticatedCaller:
        if presented.reveal() not in self.known:
            raise ApiTokenRefused
        return AuthenticatedCaller(self.known[presented.reveal()], None)


class Nothing:
    async def caught_up(self) -> None:
        return


@define
class House:
    """A Domain with its auditor and its admin, and a platform with its own."""

    store: MemoryAuditStore = field(factory=MemoryAuditStore)
    domain: Scope = field(factory=lambda: Scope(uuid4()))
    foreign: Scope = field(factory=lambda: Scope(uuid4()))
    callers: Callers = field(factory=Callers)
    system: System = field(init=False)
    http: httpx.AsyncClient = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.store.domains |= {self.domain, self.foreign}
        self.system = System(self.store)
        here = ObjectRef(ObjectType.DOMAIN, str(self.domain))
        tuples = [
            self._holds("auditor", Relation.AUDITOR, here),
            self._holds("admin", Relation.ADMIN, here),
            self._holds("member", Relation.MEMBER, here),
            self._holds("stranger", Relation.MEMBER, ObjectRef(ObjectType.DOMAIN, str(self.foreign))),
            self._holds("platform-auditor", Relation.AUDITOR, PLATFORM_OBJECT),
            self._holds("operator", Relation.OPERATOR, PLATFORM_OBJECT),
        ]
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(application(audit.OPERATIONS, self._around(MemoryGraph.of(*tuples)))),
            base_url="http://core",
        )

    def _holds(self, name: str, relation: Relation, object: ObjectRef) -> RelationTuple:
        self.callers.known[name] = Principal(PrincipalKind.USER, uuid4())
        return RelationTuple(object, relation, ObjectRef(ObjectType.USER, str(self.callers.known[name].id)))

    def _around(self, graph: MemoryGraph) -> Surroundings:
        owners = {ObjectRef(ObjectType.DOMAIN, str(scope)): DomainId(scope) for scope in self.store.domains}
        return Surroundings(
            credentials=Credentials(operators=self.callers, nodes=None, csrf=CsrfGuard(None)),  # type: ignore[arg-type]
            authorizer=Authorizer(
                graph=graph,
                residency=MemoryResidency(owners),
                journal=AuditedDecisions(self.store),
                clock=SystemClock(),
                known=LastKnownDecisions(StaleTtl()),
            ),
            projection=Nothing(),
            cursors=Cursors(random_bytes(32)),
            services={AuditLog: self.system.log, Erasure: self.system.erasure},
            new_id=uuid7,
            observe=lambda operation, status, seconds: None,
            trust_proxy_headers=False,
        )

    async def ask(self, method: str, path: str, *, by: str | None = "auditor", **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {by}"} if by else {}
        return await self.http.request(method, path, headers=headers | more.pop("headers", {}), **more)

    @property
    def chain(self) -> str:
        return f"/v1/domains/{self.domain}/audit"

    async def entries(self, path: str | None = None, *, by: str = "auditor", **query: Any) -> list[Json]:
        answer = await self.ask("GET", path or f"{self.chain}/entries", by=by, params=query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    async with house.http:
        yield house


async def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["correlation_id"] == answer.headers["x-correlation-id"]


async def test_a_row_in_full(house: House) -> None:
    identity = uuid4()
    await house.store.record(
        [
            record(
                house.domain,
                "project.create",
                identity=identity,
                occurred_at=START + timedelta(microseconds=5),
                object_type="project",
                object_id="p",
                reason=Reason.STALE_GRANTED,
                caveats={"from_cidr": ["ip"]},
                ip="192.0.2.1",
                user_agent="curl/8",
            )
        ]
    )
    (entry, *_) = await house.entries()
    pseudonym = entry["subject"]["pseudonym"]
    assert entry == {
        "seq": 1,
        "domain_id": str(house.domain),
        "occurred_at": "2026-01-01T00:00:00.000005Z",
        "reason": "granted",
        "subject": {"pseudonym": pseudonym, "identity_id_ref": str(identity)},
        "relation": "project.create",
        "object": {"type": "project", "id": "p"},
        "decision": {"result": "granted", "caveat_context": {"from_cidr": ["ip"]}},
        "correlation_id": "c",
        "request_context": {"ip": "192.0.2.1", "user_agent": "curl/8"},
        "prev_hash": "0" * 64,
        "entry_hash": entry["entry_hash"],
    }
    assert len(pseudonym) == len(entry["entry_hash"]) == 64


async def test_required_members_are_there_when_they_are_empty(house: House) -> None:
    await house.store.record([record(house.domain)])
    (entry, *_) = await house.entries()
    assert (entry["request_context"], entry["decision"]["caveat_context"]) == ({}, {})


def test_an_archived_row_shows_its_copy() -> None:
    (entry,), _ = append(PLATFORM, random_bytes(32), Head(), [record(PLATFORM)])
    stored = StoredEntry(entry=entry, archived=Archived(etag='"e"', at=START))
    shown = audit.AuditEntry.of(stored)
    assert (shown.archive_etag, shown.archived_at) == ('"e"', START)
    assert shown.subject.identity_id_ref is None


async def test_the_gate_is_on_the_chain_before_it_opens(house: House) -> None:
    first, second = await house.entries(), await house.entries()
    assert [entry["relation"] for entry in first] == ["auditor"]
    assert [entry["seq"] for entry in second] == [1, 2]


async def test_a_denial_is_found_by_its_correlation_id(house: House) -> None:
    answer = await house.ask("GET", f"{house.chain}/entries", by="member", headers={"X-Correlation-Id": "find-me"})
    await refused(answer, 403, "permission_denied")
    assert answer.json()["reason"] == "insufficient_relation"
    (entry,) = await house.entries(correlation_id="find-me")
    assert (entry["reason"], entry["relation"]) == ("insufficient_relation", "auditor")
    assert entry["object"] == {"type": "domain", "id": str(house.domain)}
    assert entry["subject"]["identity_id_ref"] == str(house.callers.known["member"].id)


FILTERS: list[tuple[Mapping[str, str], list[str]]] = [
    ({"relation": "a"}, ["a"]),
    ({"object_type": "project"}, ["b"]),
    ({"object_id": "o", "object_type": "project"}, ["b"]),
    ({"correlation_id": "x"}, ["c"]),
    ({"reason": "out_of_scope"}, ["b"]),
    ({"to": "2026-01-01T00:00:01Z"}, ["a", "b"]),
    ({"from": "2026-01-01T00:00:01Z", "to": "2026-01-01T00:00:01Z"}, ["b"]),
    ({"from": "2026-01-01T01:00:02+01:00", "to": "2026-01-02T00:00:00Z"}, ["c"]),
    ({"relation": "a", "correlation_id": "x"}, []),
    ({"object_id": "x" * 5000}, []),
]


@pytest.mark.parametrize(("query", "relations"), FILTERS, ids=str)
async def test_filters(house: House, query: Mapping[str, str], relations: list[str]) -> None:
    second = timedelta(seconds=1)
    await house.store.record(
        [
            record(house.domain, "a"),
            record(
                house.domain,
                "b",
                object_type="project",
                object_id="o",
                occurred_at=START + second,
                reason=Reason.OUT_OF_SCOPE,
            ),
            record(house.domain, "c", correlation_id="x", occurred_at=START + 2 * second),
        ]
    )
    assert [entry["relation"] for entry in await house.entries(**query)] == relations


async def test_a_subject_is_asked_for_by_pseudonym(house: House) -> None:
    await house.store.record([record(house.domain, "a", identity=uuid4()), record(house.domain, "b")])
    entry, *_ = await house.entries()
    assert [e["relation"] for e in await house.entries(subject=entry["subject"]["pseudonym"])] == ["a"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"subject": str(uuid4())}, "invalid_audit_filter"),
        ({"subject": "A" * 64}, "invalid_audit_filter"),
        ({"subject": ""}, "invalid_audit_filter"),
        ({"reason": "allowed"}, "invalid_audit_filter"),
        ({"reason": "stale_granted"}, "invalid_audit_filter"),
        ({"from": "yesterday"}, "invalid_audit_filter"),
        ({"from": "2026-01-01"}, "invalid_audit_filter"),
        ({"from": "0001-01-01T00:00:00+01:00"}, "invalid_audit_filter"),
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "invalid_audit_filter"),
        ({"object_id": "a\0b"}, "invalid_audit_filter"),
        ({"limit": "0"}, "invalid_limit"),
        ({"limit": "201"}, "invalid_limit"),
        ({"limit": "x"}, "invalid_limit"),
        ({"cursor": "x"}, "invalid_cursor"),
        ({"cursor": ""}, "invalid_cursor"),
    ],
    ids=str,
)
async def test_queries_that_are_refused(house: House, query: Mapping[str, str], code: str) -> None:
    await refused(await house.ask("GET", f"{house.chain}/entries", params=query), 400, code)
    await refused(await house.ask("GET", "/v1/platform/audit/entries", by="platform-auditor", params=query), 400, code)


async def test_pages_and_their_cursors(house: House) -> None:
    await house.store.record([record(house.domain, f"r{n}") for n in range(3)])
    await house.store.record([record(house.foreign)] * 3 + [record(PLATFORM)] * 3)
    first = (await house.ask("GET", f"{house.chain}/entries", params={"limit": 2})).json()
    assert [entry["seq"] for entry in first["items"]] == [1, 2]
    cursor = first["next_cursor"]
    rest = (await house.ask("GET", f"{house.chain}/entries", by="operator", params={"cursor": cursor})).json()
    assert [entry["relation"] for entry in rest["items"]][:1] == ["r2"]
    assert "next_cursor" not in rest
    for path in (f"/v1/domains/{house.foreign}/audit/entries", "/v1/platform/audit/entries"):
        await refused(await house.ask("GET", path, by="operator", params={"cursor": cursor}), 400, "invalid_cursor")


async def test_a_proof_can_be_checked_without_us(house: House) -> None:
    await house.store.record([record(house.domain, "a"), record(house.domain, "b")])
    answer = (await house.ask("GET", f"{house.chain}/entries/2")).json()
    proof, entry = answer["proof"], answer["entry"]
    inner = sha256(base64.b64decode(proof["canonical_bytes"], validate=True)).digest()
    assert sha256(bytes.fromhex(proof["prev_hash"]) + inner).hexdigest() == proof["entry_hash"] == entry["entry_hash"]
    assert (entry["prev_hash"], entry["relation"]) == (proof["prev_hash"], "b")
    assert str(record(house.domain).identity).encode() not in base64.b64decode(proof["canonical_bytes"])


async def test_a_missing_row_and_a_hidden_row_look_the_same(house: House) -> None:
    await house.store.record([record(house.foreign)] * 40)
    await house.system.sequencer.exhaust()
    same = {"X-Correlation-Id": "same"}
    path = f"{house.chain}/entries/40"
    answers = [
        await house.ask("GET", path, by=by, headers=same) for by in ("auditor", "operator", "member", "stranger")
    ]
    for answer in answers:
        await refused(answer, 404, "audit_entry_not_found")
        assert (answer.content, answer.headers.raw) == (answers[0].content, answers[0].headers.raw)
        assert {"reason", "relation_path"}.isdisjoint(answer.json())
    unknown = await house.ask("GET", f"/v1/domains/{uuid4()}/audit/entries/1", by="operator", headers=same)
    await refused(unknown, 404, "audit_entry_not_found")


@pytest.mark.parametrize("seq", ["0", "-1", "x", "1.0", "1e3", "9223372036854775808", "99999999999999999999", "%2B1"])
async def test_numbers_that_no_row_has(house: House, seq: str) -> None:
    await refused(await house.ask("GET", f"{house.chain}/entries/{seq}"), 400, "invalid_audit_seq")
    platform = await house.ask("GET", f"/v1/platform/audit/entries/{seq}", by="platform-auditor")
    await refused(platform, 400, "invalid_audit_seq")


async def test_a_sound_chain_verifies_whole_and_in_parts(house: House) -> None:
    await house.store.record([record(house.domain, f"r{n}") for n in range(5)])
    whole = await house.ask("POST", f"{house.chain}/verify")
    assert whole.json() == {"ok": True, "segment_from": 1, "segment_to": 6}
    for body, walked in (
        ({}, (1, 7)),
        ({"from_seq": 3}, (3, 8)),
        ({"to_seq": 2}, (1, 2)),
        ({"from_seq": 2, "to_seq": 4}, (2, 4)),
        ({"from_seq": 999}, (11, 11)),
        ({"to_seq": 999}, (1, 12)),
    ):
        answer = await house.ask("POST", f"{house.chain}/verify", json=body)
        assert answer.json() == {"ok": True, "segment_from": walked[0], "segment_to": walked[1]}


async def test_a_divergence_is_a_finding(house: House) -> None:
    await house.store.record([record(house.domain, f"r{n}") for n in range(3)])
    await house.system.sequencer.exhaust()
    row = house.store.rows[house.domain][2]
    house.store.rows[house.domain][2] = evolve(row, content=evolve(row.content, relation="forged"))
    answer = await house.ask("POST", f"{house.chain}/verify", json={})
    assert answer.status_code == 200
    found = answer.json()
    assert (found["ok"], found["divergent_seq"], found["observed_hash"]) == (False, 2, row.entry_hash.hex())
    assert len(found["expected_hash"]) == 64
    assert found["expected_hash"] != found["observed_hash"]


@pytest.mark.parametrize("body", [{"from_seq": 0}, {"to_seq": 0}, {"from_seq": 5, "to_seq": 4}, {"from_seq": 2**63}])
async def test_bounds_that_are_refused(house: House, body: Json) -> None:
    await refused(await house.ask("POST", f"{house.chain}/verify", json=body), 400, "invalid_audit_seq")


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"from_seq": "1"}', b'{"from_seq": 1.0}', b'{"to_seq": true}'])
async def test_verify_bodies_that_are_refused(house: House, body: bytes) -> None:
    answer = await house.ask(
        "POST", f"{house.chain}/verify", content=body, headers={"content-type": "application/json"}
    )
    await refused(answer, 400, "invalid_body")


async def test_erasing(house: House) -> None:
    identity = uuid4()
    await house.store.record([record(house.domain, "a", identity=identity)])
    denied = await house.ask("POST", f"{house.chain}/erase-identity", json={"identity_id": str(identity)})
    await refused(denied, 403, "permission_denied")
    for _ in range(2):
        answer = await house.ask(
            "POST", f"{house.chain}/erase-identity", by="admin", json={"identity_id": str(identity)}
        )
        assert answer.status_code == 200
        receipt = answer.json()
        assert set(receipt) == {"subject_pseudonym", "erased_at"}
    entries = await house.entries()
    assert entries[0]["subject"] == {"pseudonym": receipt["subject_pseudonym"]}
    witnesses = [entry for entry in entries if entry["relation"] == "audit.erase-identity"]
    assert len(witnesses) == 2
    assert witnesses[1]["occurred_at"] == receipt["erased_at"]
    assert datetime.fromisoformat(receipt["erased_at"]).tzinfo == UTC
    assert (await house.ask("POST", f"{house.chain}/verify")).json()["ok"]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"identity_id": "x"}', b'{"identity_id": null}', b'{"identity_id": "%s"}' % (b"0" * 32)]
)
async def test_erase_bodies_that_are_refused(house: House, body: bytes) -> None:
    for path, by in ((f"{house.chain}/erase-identity", "admin"), ("/v1/platform/audit/erase-identity", "operator")):
        answer = await house.ask("POST", path, by=by, content=body, headers={"content-type": "application/json"})
        await refused(answer, 400, "invalid_body")


async def test_nobody_is_forgotten_by_the_nil_id(house: House) -> None:
    body = {"identity_id": str(UUID(int=0))}
    await refused(await house.ask("POST", f"{house.chain}/erase-identity", by="admin", json=body), 400, "invalid_body")


ALL = [
    ("GET", "entries", {}),
    ("POST", "verify", {}),
    ("POST", "erase-identity", {"json": {"identity_id": str(uuid4())}}),
]


@pytest.mark.parametrize(("method", "path", "more"), ALL)
async def test_who_may(house: House, method: str, path: str, more: Json) -> None:
    await refused(await house.ask(method, f"{house.chain}/{path}", by=None, **more), 401, "unauthenticated")
    await refused(await house.ask(method, f"{house.chain}/{path}", by="nobody", **more), 401, "unauthenticated")
    for caller in ("member", "stranger", "platform-auditor"):
        await refused(await house.ask(method, f"{house.chain}/{path}", by=caller, **more), 403, "permission_denied")
    for caller in ("member", "auditor", "admin"):
        answer = await house.ask(method, f"/v1/platform/audit/{path}", by=caller, **more)
        await refused(answer, 403, "permission_denied")
    assert (await house.ask(method, f"{house.chain}/{path}", by="operator", **more)).status_code == 200
    assert (await house.ask(method, f"/v1/platform/audit/{path}", by="operator", **more)).status_code == 200


@pytest.mark.parametrize(("method", "path", "more"), ALL)
async def test_which_domain(house: House, method: str, path: str, more: Json) -> None:
    for malformed in ("x", str(UUID(int=0)), "1"):
        answer = await house.ask(method, f"/v1/domains/{malformed}/audit/{path}", by="operator", **more)
        await refused(answer, 400, "invalid_domain_id")
    unknown = f"/v1/domains/{uuid4()}/audit/{path}"
    await refused(await house.ask(method, unknown, by="operator", **more), 404, "domain_not_found")
    await refused(await house.ask(method, unknown, by="admin", **more), 403, "permission_denied")


async def test_the_platforms_chain(house: House) -> None:
    await house.store.record([record(PLATFORM, "domain.create")])
    first, *_ = await house.entries("/v1/platform/audit/entries", by="platform-auditor")
    assert (first["relation"], first["domain_id"]) == ("domain.create", str(PLATFORM))
    proof = (await house.ask("GET", "/v1/platform/audit/entries/1", by="platform-auditor")).json()
    assert proof["entry"] == first
    answer = await house.ask("GET", "/v1/platform/audit/entries/1", by="admin")
    await refused(answer, 404, "audit_entry_not_found")
    verdict = (await house.ask("POST", "/v1/platform/audit/verify", by="platform-auditor")).json()
    assert verdict["ok"]
