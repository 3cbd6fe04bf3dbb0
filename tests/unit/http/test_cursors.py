"""A cursor opens one list, at one place, for one caller."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_adapters.http.cursors import Cursors
from plexsphere_adapters.http.errors import CursorBindingMismatch, InvalidCursor
from plexsphere_domain.kernel.actor import Principal, PrincipalKind
from plexsphere_domain.kernel.secrets import SecretBytes

CURSORS = Cursors(SecretBytes(b"k" * 32))
ALICE = Principal(PrincipalKind.USER, UUID(int=1))
BOB = Principal(PrincipalKind.USER, UUID(int=2))
MACHINE_OF_THE_SAME_ID = Principal(PrincipalKind.SERVICE, UUID(int=1))


@given(st.lists(st.text(max_size=64), max_size=3).map(tuple))
def test_reads_what_it_wrote(position: tuple[str, ...]) -> None:
    cursor = CURSORS.write(position, of="ListDomains:", to=ALICE)
    assert CURSORS.read(cursor, of="ListDomains:", by=ALICE) == position


@pytest.mark.parametrize("other", [BOB, MACHINE_OF_THE_SAME_ID])
def test_serves_nobody_else(other: Principal) -> None:
    cursor = CURSORS.write(("a",), of="ListDomains:", to=ALICE)
    with pytest.raises(CursorBindingMismatch):
        CURSORS.read(cursor, of="ListDomains:", by=other)


def test_an_unbound_cursor_serves_anybody_on_its_own_list() -> None:
    cursor = CURSORS.write(("7",), of="ListAuditEntries:x", to=None)
    assert CURSORS.read(cursor, of="ListAuditEntries:x", by=None) == ("7",)
    with pytest.raises(InvalidCursor):
        CURSORS.read(cursor, of="ListAuditEntries:y", by=None)


def test_another_key_makes_it_invalid() -> None:
    cursor = Cursors(SecretBytes(b"x" * 32)).write(("a",), of="l", to=ALICE)
    with pytest.raises(InvalidCursor):
        CURSORS.read(cursor, of="l", by=ALICE)


def test_no_character_can_be_changed() -> None:
    cursor = CURSORS.write(("slug", "id"), of="l", to=ALICE)
    for index in range(len(cursor)):
        for replacement in "A_-.=":
            changed = cursor[:index] + replacement + cursor[index + 1 :]
            if changed != cursor:
                with pytest.raises(InvalidCursor):
                    CURSORS.read(changed, of="l", by=ALICE)


@given(st.text())
def test_rubbish_is_invalid(text: str) -> None:
    with pytest.raises(InvalidCursor):
        CURSORS.read(text, of="l", by=ALICE)
