"""Records take whatever a request may carry, and refuse nothing; filters refuse what can never match."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_domain.audit.errors import InvalidAuditFilter, InvalidAuditSeq
from plexsphere_domain.audit.filters import EntryFilter, reason_filter, subject_filter
from plexsphere_domain.audit.log import Bounds
from plexsphere_domain.audit.model import MAX_NAME, PLATFORM, AuditRecord, Reason

any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=300)  # type: ignore[arg-type]


@given(any_text, st.dictionaries(any_text, st.lists(any_text, max_size=3), max_size=2))
def test_every_text_becomes_storable(text: str, caveats: dict[str, list[str]]) -> None:
    record = AuditRecord(
        scope=PLATFORM,
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        identity=UUID(int=1),
        relation=text,
        object_type=text,
        object_id=text,
        caveats=caveats,
        correlation_id=text,
        ip=text,
        user_agent=text,
    )
    texts = [record.relation, record.correlation_id, record.ip, record.user_agent, *record.caveats]
    for stored in texts:
        assert stored is not None
        assert "\0" not in stored
        stored.encode()
    assert len(record.relation) <= MAX_NAME
    assert record.user_agent is not None
    assert len(record.user_agent) == len(text) or not text.isascii()


@pytest.mark.parametrize("reason", Reason)
def test_readers_see_the_frozen_set_only(reason: Reason) -> None:
    assert reason.published in {"granted", "out_of_scope", "insufficient_relation", "caveat_violation", "unknown"}
    assert reason.published.stale.published is reason.published


@pytest.mark.parametrize("text", ["", "allowed", "GRANTED", "stale_", "stale_unknown"])
def test_a_reason_outside_the_set_is_unknown(text: str) -> None:
    assert Reason.of(text) is Reason.UNKNOWN


@pytest.mark.parametrize("text", ["allowed", "stale_granted", ""])
def test_a_filter_takes_published_reasons_only(text: str) -> None:
    with pytest.raises(InvalidAuditFilter):
        reason_filter(text)


def test_a_filter_by_reason_finds_stale_decisions_too() -> None:
    assert EntryFilter(reason=reason_filter("granted")).recorded_reasons == ["granted", "stale_granted"]
    assert EntryFilter(reason=reason_filter("unknown")).recorded_reasons == ["unknown"]
    assert EntryFilter().recorded_reasons is None


@pytest.mark.parametrize("text", ["", "ab", "A" * 64, "g" * 64, "0" * 63, "0" * 65, "٠" * 64])
def test_a_subject_is_a_pseudonym(text: str) -> None:
    with pytest.raises(InvalidAuditFilter):
        subject_filter(text)


def test_a_time_range_runs_forwards() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    EntryFilter(since=moment, until=moment)
    with pytest.raises(InvalidAuditFilter):
        EntryFilter(since=moment, until=moment.replace(year=2025))


@pytest.mark.parametrize("name", ["relation", "object_type", "object_id", "correlation_id"])
@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_a_filter_that_no_row_can_match_is_refused(name: str, text: str) -> None:
    with pytest.raises(InvalidAuditFilter):
        EntryFilter(**{name: text})


@pytest.mark.parametrize(("first", "last"), [(0, None), (-1, None), (1, 0), (5, 4), (2**63, None), (1, 2**63)])
def test_bounds_no_chain_can_have(first: int, last: int | None) -> None:
    with pytest.raises(InvalidAuditSeq):
        Bounds(first=first, last=last)


@pytest.mark.parametrize(
    ("first", "last", "end", "walked"),
    [
        (1, None, 10, (1, 10)),
        (3, 7, 10, (3, 7)),
        (3, 99, 10, (3, 10)),
        (11, None, 10, (10, 10)),
        (11, 12, 10, (10, 10)),
        (1, None, 0, (1, 1)),
        (5, 9, 0, (1, 1)),
    ],
)
def test_bounds_beyond_the_end_are_moved_to_it(first: int, last: int | None, end: int, walked: tuple[int, int]) -> None:
    assert Bounds(first=first, last=last).within(end) == walked
