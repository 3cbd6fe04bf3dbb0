"""Canonical encoding v1 against its golden vectors, and the properties that make it canonical."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_domain.audit.canonical import canonical
from plexsphere_domain.audit.chain import entry_hash, pseudonym
from plexsphere_domain.audit.errors import Unencodable
from plexsphere_domain.audit.model import AuditContent, Scope
from plexsphere_domain.kernel.secrets import SecretBytes

VECTORS_PATH = Path(__file__).parents[3] / "docs/reference/audit-canonical-v1.json"
VECTORS = json.loads(VECTORS_PATH.read_text())

FIRST = AuditContent(
    version=1,
    scope=Scope(UUID("01890a5d-ac96-774b-bcce-b302099a8057")),
    seq=1,
    occurred_at=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    subject=bytes.fromhex("582fa05538ba2ddbb782fe1af98b5efcee19429d84a8d9dff54c76953a93e731"),
    relation="project.create",
    object_type="project",
    object_id="01890a5d-ac98-7000-8000-000000000001",
    reason="granted",
    caveats={},
    correlation_id="01HXYZABCDEFGHJKMNPQRSTVWX",
    ip=None,
    user_agent=None,
)
SECOND = evolve(
    FIRST,
    seq=2,
    occurred_at=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=2))),
    relation="manage",
    reason="stale_caveat_violation",
    caveats={"within_time_window": ["now"], "from_cidr": ["ip"]},
    correlation_id="rebac-1719500000000000000",
    ip="2001:db8::7",
    user_agent='Größe "quoted" \\ \t \x1f / \u2028 \U0001f600',
)
THIRD = evolve(
    FIRST,
    seq=3,
    relation="",
    object_type="",
    object_id="",
    reason="unknown",
    caveats={"\ufb33": ["a"], "\U0001f600": ["b"], "z": []},
    correlation_id="",
    user_agent="",
)


@pytest.mark.parametrize(("content", "vector"), zip((FIRST, SECOND, THIRD), VECTORS["rows"], strict=True))
def test_golden_vectors(content: AuditContent, vector: dict[str, str]) -> None:
    assert canonical(content) == vector["canonical"].encode() == bytes.fromhex(vector["canonical_hex"])
    assert entry_hash(bytes.fromhex(vector["prev_hash"]), content).hex() == vector["entry_hash"]


def test_golden_pseudonym() -> None:
    pepper = SecretBytes(bytes.fromhex(VECTORS["pepper"]))
    subject = pseudonym(pepper, Scope(UUID(VECTORS["scope_anchor"])), UUID(VECTORS["identity_id"]))
    assert subject.hex() == VECTORS["subject"]


text = st.text(max_size=40)
caveats = st.dictionaries(text, st.lists(text, max_size=3), max_size=3)
contents = st.builds(
    AuditContent,
    version=st.just(1),
    scope=st.uuids().map(Scope),
    seq=st.integers(1, 2**63 - 1),
    occurred_at=st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    subject=st.binary(min_size=32, max_size=32),
    relation=text,
    object_type=text,
    object_id=text,
    reason=text,
    caveats=caveats,
    correlation_id=text,
    ip=st.none() | text,
    user_agent=st.none() | text,
)


def no_floats(number: str) -> float:
    raise AssertionError(f"a float in canonical bytes: {number}")


@given(contents)
def test_a_json_parser_reads_back_every_field(content: AuditContent) -> None:
    read = json.loads(canonical(content), parse_float=no_floats)
    assert read.pop("v") == 1
    assert read.pop("chain") == str(content.scope)
    assert bytes.fromhex(read.pop("subject")) == content.subject
    assert datetime.fromisoformat(read.pop("occurred_at")) == content.occurred_at
    assert read == {name: getattr(content, name) for name in read}
    assert len(read) == 9


@given(contents)
def test_the_order_in_which_a_store_returns_a_map_does_not_matter(content: AuditContent) -> None:
    turned = evolve(content, caveats=dict(reversed(content.caveats.items())))
    assert canonical(turned) == canonical(content)


@given(contents, contents)
def test_different_content_has_different_bytes(one: AuditContent, other: AuditContent) -> None:
    assert (canonical(one) == canonical(other)) == (one == other)


@pytest.mark.parametrize(
    "impossible",
    [
        {"version": 2},
        {"version": 0},
        {"caveats": []},
        {"caveats": None},
        {"caveats": {"a": "b"}},
        {"caveats": {"a": {"b": 1}}},
        {"caveats": {"a": [1.5]}},
        {"caveats": {"a": 7}},
        {"user_agent": "\ud800"},
    ],
)
def test_what_only_tampering_can_store_has_no_bytes(impossible: dict[str, Any]) -> None:
    with pytest.raises(Unencodable):
        canonical(evolve(FIRST, **impossible))


def test_the_reference_shows_the_first_vector() -> None:
    page = VECTORS_PATH.with_suffix(".md").read_text()
    for shown in ("canonical", "prev_hash", "entry_hash"):
        assert VECTORS["rows"][0][shown] in page
