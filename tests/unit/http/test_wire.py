"""Decoding refuses every shape that is not the declared one, and says where."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_adapters.http.schema import Schemas
from plexsphere_adapters.http.wire import (
    Expected,
    JsonObject,
    Length,
    Named,
    Pattern,
    Range,
    Undecodable,
    decode,
    encode,
    parse_timestamp,
    wire,
)
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.kernel.unset import UNSET, Unset

NODE = "0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a3"


@wire
class Inner:
    """Something inside."""

    number: int


@wire(closed=True)
class Outer:
    """Everything that a wire type can hold."""

    text: Annotated[str, Length(1, 3), Pattern("^[a-z]+$")]
    inner: Inner | None = None
    domain: DomainId | None = None
    items: tuple[Inner, ...] = ()
    since: Annotated[int | None, Named("from"), Range(1, 9)] = None
    choice: Literal["x", "y"] = "x"
    patch: str | Unset = UNSET
    free: JsonObject | None = None
    at: datetime | None = None
    demanded: Annotated[str | None, Expected()] = None


@wire
class Open:
    text: str


def test_decodes_what_is_declared() -> None:
    raw = b'{"text":"a","inner":{"number":1},"items":[{"number":2}],"from":3,"free":{"x":[1.5]},"patch":"p"}'
    assert decode(raw, Outer) == Outer(
        text="a", inner=Inner(number=1), items=(Inner(number=2),), since=3, free={"x": [1.5]}, patch="p"
    )


def test_round_trip_leaves_out_what_equals_its_default() -> None:
    value = Outer(text="a", domain=DomainId(UUID(NODE)), since=3)
    assert encode(value) == b'{"text":"a","domain":"%b","from":3}' % NODE.encode()
    assert decode(encode(value), Outer) == value


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "the body is not valid JSON"),
        (b"[" * 100_000, "the body is not valid JSON"),
        (b'{"text":"a","free":' + b'{"a":' * 5000 + b"1" + b"}" * 5001, "the body is not valid JSON"),
        (b'{"text":"\xff"}', "the body is not valid JSON"),
        (b'{"text":"\\ud800"}', "the body is not valid JSON"),
        (b'{"text":NaN}', "the body is not valid JSON"),
        (b"[]", "the body is not an object"),
        (b'"text"', "the body is not an object"),
        (b"null", "the body is not an object"),
        (b"{}", "text is required"),
        (b'{"text":1}', "text is not a string"),
        (b'{"text":null}', "text is not a string"),
        (b'{"text":"a","inner":null}', "inner is not an object"),
        (b'{"text":"a","inner":{"number":true}}', "inner.number is not an integer"),
        (b'{"text":"a","inner":{"number":1.0}}', "inner.number is not an integer"),
        (b'{"text":"a","items":"abc"}', "items is not a list"),
        (b'{"text":"a","patch":null}', "patch is not a string"),
        (b'{"text":"a","free":[]}', "free is not an object"),
        (b'{"text":"a","choice":"z"}', "choice is not one of x, y"),
        (b'{"text":"a","unknown":1}', "the body has members that are not known here"),
        (b'{"text":"a\\u0000"}', "a string holds a NUL character"),
        (b'{"text":"a","free":{"deep":[{"\\u0000":1}]}}', "a string holds a NUL character"),
    ],
)
def test_refuses_other_shapes(raw: bytes, told: str) -> None:
    with pytest.raises(Undecodable) as refusal:
        decode(raw, Outer)
    assert str(refusal.value) == told


@pytest.mark.parametrize("innermost", [b"1", b'"\\u0000"'])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"x":', b"}")])
@pytest.mark.parametrize("levels", [63, 900])
def test_nesting_is_bounded(levels: int, opening: bytes, closing: bytes, innermost: bytes) -> None:
    raw = b'{"text":"a","free":{"x":' + opening * levels + innermost + closing * levels + b"}}"
    with pytest.raises(Undecodable, match="nested more than 64 levels deep"):
        decode(raw, Outer)


def test_what_nests_as_deep_as_it_may_is_taken() -> None:
    raw = b'{"text":"a","free":{"x":' + b"[" * 62 + b"1" + b"]" * 62 + b"}}"
    assert decode(raw, Outer).free is not None


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert decode(b'{"text":"\\\\u0000"}', Open) == Open(text="\\u0000")


def test_an_open_type_ignores_members_that_it_does_not_know() -> None:
    assert decode(b'{"text":"a","later":{}}', Open) == Open(text="a")


@pytest.mark.parametrize("spelling", ["{0}", "urn:uuid:{0}", "0190a8b8a0c07a0a8a0aa0a0a0a0a0a3", "x"])
def test_ids_have_one_spelling(spelling: str) -> None:
    text = "{" + NODE + "}" if spelling == "{0}" else spelling.format(NODE)
    with pytest.raises(Undecodable):
        decode(b'{"text":"a","domain":"%b"}' % text.encode(), Outer)


@pytest.mark.parametrize("text", ["2026-11-21", "2026-11-21T10:00:00", "20261121T100000Z", "2026-11-21T25:00:00Z", ""])
def test_timestamps_are_rfc_3339(text: str) -> None:
    with pytest.raises(ValueError):
        parse_timestamp(text)


def test_timestamps_lose_what_is_beyond_microseconds() -> None:
    assert parse_timestamp("2026-05-27T12:00:00.123456789+02:00") == datetime(2026, 5, 27, 10, 0, 0, 123456, UTC)


@given(
    st.datetimes(
        min_value=datetime(1990, 1, 1),  # noqa: DTZ001 — Hypothesis takes naive bounds
        max_value=datetime(2200, 1, 1),  # noqa: DTZ001
        timezones=st.just(timezone(timedelta(0))),
    )
)
def test_every_instant_survives_the_wire(at: datetime) -> None:
    assert decode(encode(Outer(text="a", at=at)), Outer).at == at


def test_the_schema_tells_the_annotations() -> None:
    schemas = Schemas()
    assert schemas.of(Outer) == {"$ref": "#/components/schemas/Outer"}
    outer = schemas.named["Outer"]
    assert outer["additionalProperties"] is False
    assert outer["required"] == ["text", "demanded"]
    assert outer["properties"]["text"] == {"type": "string", "minLength": 1, "maxLength": 3, "pattern": "^[a-z]+$"}
    assert outer["properties"]["from"] == {"type": "integer", "minimum": 1, "maximum": 9}
    assert outer["properties"]["items"] == {"type": "array", "items": {"$ref": "#/components/schemas/Inner"}}
    assert outer["properties"]["choice"] == {"type": "string", "enum": ["x", "y"]}
