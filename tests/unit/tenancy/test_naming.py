from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_domain.tenancy.naming import Description, Malformed, Name, Region, Slug, trimmed


@pytest.mark.parametrize("text", ["acme", "a", "0", "acme-web-2", "a" * 64])
@pytest.mark.parametrize("kebab", [Slug, Region])
def test_kebab_case_is_accepted_as_it_is(kebab: Callable[[str], str], text: str) -> None:
    assert kebab(text) == text


@pytest.mark.parametrize("text", ["", "-", "a-", "-a", "a--b", "A", "a_b", "a b", "é", "a" * 65, "a\n", "a\x00", "²"])
@pytest.mark.parametrize("kebab", [Slug, Region])
def test_what_is_not_kebab_case_is_refused(kebab: Callable[[str], str], text: str) -> None:
    with pytest.raises(Malformed):
        kebab(text)


def test_a_name_loses_the_blanks_around_it() -> None:
    assert Name("  Acme Corporation\t") == "Acme Corporation"


@pytest.mark.parametrize("text", ["", " ", "\t\n", "a" * 256, "a\x00b", "a\nb", "\ud800", "a\x7fb"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Name(text)


@pytest.mark.parametrize("text", ["", "two\nlines", "a" * 1024, " indented"])
def test_a_description_is_kept_verbatim(text: str) -> None:
    assert Description(text) == text


@pytest.mark.parametrize("text", [" ", "\n\t", "a" * 1025, "a\x00b", "\udfff"])
def test_what_is_no_description_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Description(text)


@given(st.text(), st.integers(1, 20))
def test_what_was_trimmed_stays_as_it_is_and_can_be_stored(text: str, ceiling: int) -> None:
    try:
        inner = trimmed(text, ceiling=ceiling)
    except Malformed:
        return
    assert trimmed(inner, ceiling=ceiling) == inner
    assert 1 <= len(inner) <= ceiling
    assert "\x00" not in inner
    inner.encode()
