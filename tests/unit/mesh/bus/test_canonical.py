import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_domain.mesh.bus import canonical
from plexsphere_domain.mesh.bus.canonical import NotJson

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
blanks = st.text(alphabet=" \t\r\n", max_size=3)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ('say "hi"', rb'"say \"hi\""'),
        ("back\\slash", rb'"back\\slash"'),
        ("\b\f\n\r\t", rb'"\b\f\n\r\t"'),
        ("\x00\x01\x1f", rb'"\u0000\u0001\u001f"'),
        ("<a href='x'>&</a>", rb""""\u003ca href='x'\u003e\u0026\u003c/a\u003e\"""".replace(rb"\"", b'"')),
        ("\u2028\u2029", rb'"\u2028\u2029"'),
        ("\x7f", b'"\x7f"'),
        ("a/b", b'"a/b"'),
        ("ü€😀\ufffd", '"ü€😀\ufffd"'.encode()),
        ("lone \ud800 and \udfff", rb'"lone \ufffd and \ufffd"'),
    ],
)
def test_a_string_is_spelled_as_go_spells_it(text: str, spelled: bytes) -> None:
    assert canonical.quote(text) == spelled


@pytest.mark.parametrize(
    ("received", "compact"),
    [
        (b'{ "z" : 1.50e+3 ,\r\n\t"a":"<x>&\xc3\xbc" }', b'{"z":1.50e+3,"a":"\\u003cx\\u003e\\u0026\xc3\xbc"}'),
        (rb'["\u00fc", "\/", "\u0041", "a \" b\\", "  "]', rb'["\u00fc","\/","\u0041","a \" b\\","  "]'),
        ('[ "\u2028\u2029" ]'.encode(), rb'["\u2028\u2029"]'),
        (b' "invalid \xff byte" ', b'"invalid \xff byte"'),
        (b" null ", b"null"),
    ],
)
def test_received_text_keeps_its_spelling(received: bytes, compact: bytes) -> None:
    assert canonical.compact(received) == compact


def test_the_numbers_that_json_lacks_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical.encode(float("nan"))


@given(values)
def test_what_is_encoded_means_the_same(value: Any) -> None:
    assert json.loads(canonical.encode(value)) == value


@given(values)
def test_what_is_encoded_is_compact(value: Any) -> None:
    encoded = canonical.encode(value)
    assert canonical.compact(encoded) == encoded


@given(values, st.sampled_from([None, 0, 1, "\t", " \r\n"]))
def test_compacting_ignores_only_whitespace(value: Any, indent: Any) -> None:
    loose = json.dumps(value, ensure_ascii=False, indent=indent).encode()
    assert canonical.compact(loose) == canonical.encode(value)


@given(st.dictionaries(st.text(), values), blanks)
def test_members_are_found_with_the_text_they_were_given_as(value: dict[str, Any], blank: str) -> None:
    texts = {name: json.dumps(member, indent=1) for name, member in value.items()}
    pairs = [f"{json.dumps(name)}{blank}:{blank}{text}{blank}" for name, text in texts.items()]
    source = f"{blank}{{{blank}{(',' + blank).join(pairs)}}}{blank}"
    assert canonical.members(source.encode()) == {name: text.encode() for name, text in texts.items()}


def test_of_equal_names_the_last_wins() -> None:
    assert canonical.members(b'{"a":1,"b":2,"a":3}') == {"a": b"3", "b": b"2"}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"{}x",
        b'{"a"}',
        b'{"a":}',
        b'{"a":1,}',
        b'{,"a":1}',
        b'{"a":1 "b":2}',
        b"{a:1}",
        b"{1:1}",
        b'{"a":01}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":"\n"}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":' + b"[" * 60_000 + b"]" * 60_000 + b"}",
    ],
)
def test_what_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(NotJson):
        canonical.members(text)


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        (rb'"\ud83d\ude00"', "😀"),
        (rb'"\ud83d"', "\ufffd"),
        (rb'"\ud83d\u0041"', "\ufffdA"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd😀"),
        (rb'"\ude00\ud83d"', "\ufffd\ufffd"),
        (b'"\xe2\x80A"', "\ufffd\ufffdA"),
        (b'"\xed\xa0\x80"', "\ufffd\ufffd\ufffd"),
        (b'"\xff"', "\ufffd"),
        (b"1", None),
        (b"true", None),
    ],
)
def test_a_decoded_string_is_well_formed(text: bytes, decoded: str | None) -> None:
    assert canonical.string(text) == decoded


@given(st.binary())
def test_arbitrary_bytes_are_refused_or_understood(text: bytes) -> None:
    with suppress(NotJson):
        canonical.members(text)
