"""The rules of the chain: every change to any row is found, at that row."""

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_domain.audit.canonical import canonical
from plexsphere_domain.audit.chain import Divergence, Verifier, append, pseudonym
from plexsphere_domain.audit.model import NO_HASH, AuditEntry, AuditRecord, Head, Reason, Scope
from plexsphere_domain.kernel.secrets import SecretBytes

CHAIN = Scope(UUID("01890a5d-ac96-774b-bcce-b302099a8057"))
PEPPER = SecretBytes(bytes(32))
LENGTH = 7


def record(number: int) -> AuditRecord:
    return AuditRecord(
        scope=CHAIN,
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number),
        identity=UUID(int=number % 3 + 1),
        relation="manage",
        object_type="domain",
        object_id=str(number),
        reason=Reason.GRANTED,
        caveats={"from_cidr": ["ip"]},
        correlation_id=f"c-{number}",
        ip="192.0.2.1",
        user_agent="test",
    )


def chain(length: int = LENGTH) -> tuple[list[AuditEntry], Head]:
    return append(CHAIN, PEPPER, Head(), [record(number) for number in range(length)])


def walk(rows: Iterable[AuditEntry], head: Head, first: int = 1, before: bytes | None = NO_HASH) -> Divergence | None:
    verifier = Verifier(first, before, head)
    for row in rows:
        if found := verifier.check(row):
            return found
    return verifier.finish(head.seq)


def test_a_chain_is_linked_from_genesis_on() -> None:
    rows, head = chain()
    assert [row.seq for row in rows] == list(range(1, LENGTH + 1))
    assert rows[0].prev_hash == bytes(32)
    for before, row in itertools.pairwise(rows):
        assert row.prev_hash == before.entry_hash
        assert row.entry_hash == sha256(row.prev_hash + sha256(canonical(row.content)).digest()).digest()
    assert head == Head(seq=LENGTH, hash=rows[-1].entry_hash)
    assert walk(rows, head) is None


@given(st.lists(st.integers(0, 5), max_size=6))
def test_batches_make_the_same_chain_as_single_rows(sizes: list[int]) -> None:
    head, rows = Head(), list[AuditEntry]()
    for size in sizes:
        more, head = append(CHAIN, PEPPER, head, [record(len(rows) + i) for i in range(size)])
        rows += more
    assert (rows, head) == chain(sum(sizes))


TAMPERED: list[dict[str, Any]] = [
    {"version": 2},
    {"scope": Scope(UUID(int=1))},
    {"occurred_at": datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)},
    {"subject": bytes(32)},
    {"relation": "manageX"},
    {"object_type": "project"},
    {"object_id": ""},
    {"reason": "unknown"},
    {"reason": "stale_granted"},
    {"caveats": {}},
    {"caveats": {"from_cidr": []}},
    {"caveats": None},
    {"correlation_id": "c"},
    {"ip": None},
    {"ip": ""},
    {"user_agent": None},
]


@pytest.mark.parametrize("change", TAMPERED, ids=str)
@pytest.mark.parametrize("seq", [1, 4, LENGTH])
def test_changed_content_is_found_at_its_row(change: dict[str, Any], seq: int) -> None:
    rows, head = chain()
    rows[seq - 1] = evolve(rows[seq - 1], content=evolve(rows[seq - 1].content, **change))
    found = walk(rows, head)
    assert found is not None
    assert found.seq == seq
    assert found.observed == rows[seq - 1].entry_hash
    assert found.expected != found.observed


@given(st.integers(1, LENGTH), st.integers(0, 31), st.integers(0, 7), st.sampled_from(["prev_hash", "entry_hash"]))
def test_a_flipped_bit_in_a_hash_is_found_at_its_row(seq: int, byte: int, bit: int, name: str) -> None:
    rows, head = chain()
    flipped = bytearray(getattr(rows[seq - 1], name))
    flipped[byte] ^= 1 << bit
    rows[seq - 1] = evolve(rows[seq - 1], **{name: bytes(flipped)})
    found = walk(rows, head)
    assert found is not None
    assert found.seq == seq


def test_a_rewritten_row_with_a_hash_that_fits_breaks_the_next_link() -> None:
    rows, head = chain()
    forged, _ = append(CHAIN, PEPPER, Head(seq=3, hash=rows[2].entry_hash), [record(99)])
    rows[3] = forged[0]
    assert walk(rows, head) == Divergence(seq=5, expected=forged[0].entry_hash, observed=rows[4].prev_hash)


def test_a_rewritten_last_row_contradicts_the_head() -> None:
    rows, head = chain()
    forged, _ = append(CHAIN, PEPPER, Head(seq=LENGTH - 1, hash=rows[-2].entry_hash), [record(99)])
    assert walk([*rows[:-1], *forged], head) == Divergence(
        seq=LENGTH, expected=head.hash, observed=forged[0].entry_hash
    )


@pytest.mark.parametrize("missing", range(1, LENGTH))
def test_a_missing_row_breaks_the_link_of_the_row_behind_it(missing: int) -> None:
    rows, head = chain()
    link = rows[missing - 1].entry_hash
    before = rows[missing - 2].entry_hash if missing > 1 else NO_HASH
    assert walk(rows[: missing - 1] + rows[missing:], head) == Divergence(
        seq=missing + 1, expected=before, observed=link
    )


def test_missing_rows_at_the_end_are_found_at_the_first_number_without_a_row() -> None:
    rows, head = chain()
    assert walk(rows[:5], head) == Divergence(seq=6, expected=head.hash, observed=rows[4].entry_hash)
    assert walk([], head) == Divergence(seq=1, expected=head.hash, observed=NO_HASH)


def test_a_row_beyond_the_head_was_never_appended() -> None:
    rows, head = chain()
    extra, _ = append(CHAIN, PEPPER, head, [record(99)])
    assert walk(rows + extra, head) == Divergence(seq=LENGTH + 1, expected=head.hash, observed=extra[0].entry_hash)


def test_exchanged_rows_are_found_at_the_first_of_them() -> None:
    rows, head = chain()
    renumbered = [evolve(row, content=evolve(row.content, seq=seq)) for seq, row in ((3, rows[3]), (4, rows[2]))]
    found = walk([*rows[:2], *renumbered, *rows[4:]], head)
    assert found is not None
    assert found.seq == 3


def test_a_walk_from_the_middle_checks_its_first_link_against_the_row_before() -> None:
    rows, head = chain()
    assert walk(rows[3:], head, 4, rows[2].entry_hash) is None
    assert walk(rows[3:], head, 4, None) is None
    assert walk(rows[3:], head, 4, bytes(32)) == Divergence(seq=4, expected=bytes(32), observed=rows[3].prev_hash)


def test_a_missing_first_row_is_found_even_when_nothing_stands_before_it() -> None:
    rows, head = chain()
    assert walk(rows[4:], head, 4, None) == Divergence(seq=5, expected=NO_HASH, observed=rows[4].prev_hash)


@given(st.uuids(), st.uuids(), st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_a_pseudonym_is_stable_on_its_chain_and_different_on_every_other(
    identity: UUID, other_chain: UUID, pepper: bytes, other_pepper: bytes
) -> None:
    here = pseudonym(SecretBytes(pepper), CHAIN, identity)
    assert here == pseudonym(SecretBytes(pepper), CHAIN, identity)
    assert len(here) == 32
    if other_chain != CHAIN:
        assert here != pseudonym(SecretBytes(pepper), Scope(other_chain), identity)
    if other_pepper != pepper:
        assert here != pseudonym(SecretBytes(other_pepper), CHAIN, identity)


def test_no_identity_in_clear_is_hashed() -> None:
    rows, _ = chain(1)
    bytes_hashed = canonical(rows[0].content)
    assert str(record(0).identity).encode() not in bytes_hashed
    assert record(0).identity.bytes not in bytes_hashed
