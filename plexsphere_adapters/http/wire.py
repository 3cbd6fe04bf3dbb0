"""Wire types: frozen attrs classes that say what JSON looks like.

Decoding checks the shape: JSON types, required members, formats of ids and timestamps, unknown members where a type is
closed. Values are the domain's affair: limits and patterns stand in the annotations so that the API description can
tell them, and the aggregates enforce them, each with its own problem code.

A field with a default is optional: absent where it equals the default. An explicit null never stands for absence.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, dataclass_transform, get_args, get_origin, overload
from uuid import UUID

import attrs
import cattrs
import orjson
from attrs import frozen
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from plexsphere_domain.kernel.errors import DomainError
from plexsphere_domain.kernel.ids import parse_id
from plexsphere_domain.kernel.unset import Unset

T = TypeVar("T")
JsonObject = Mapping[str, Any]
"""Free-form JSON: kept as it came."""

MAX_DEPTH = 64
"""Lists and objects within each other: more than any body needs, and little enough to be walked by recursion."""


@frozen
class Length:
    """minLength and maxLength, in characters; minItems and maxItems where it annotates a list."""

    least: int = 0
    most: int | None = None


@frozen
class Pattern:
    regex: str


@frozen
class Range:
    least: int
    most: int | None = None


@frozen
class Form:
    """A `format` of JSON Schema that the Python type does not imply, such as `byte`."""

    name: str


@frozen
class Once:
    """The value is told in this answer and never again."""


@frozen
class Expected:
    """Required, though decoding lets its absence pass: the domain refuses it, with its own code."""


@frozen
class Shown:
    """The description shows the type `kind`, though decoding lets any value pass: the domain refuses, with its code."""

    kind: Any


@frozen
class Nullable:
    """Always there; null where there is nothing to tell."""


@frozen
class Immutable:
    """No member, but one that callers may try to set: that is refused before anything else about the body."""

    refusal: Callable[[], DomainError]


@frozen
class Named:
    """The member's name on the wire where it is no Python name."""

    name: str


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
@overload
def wire(cls: type[T], /) -> type[T]: ...
@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
@overload
def wire(*, closed: bool) -> Callable[[type[T]], type[T]]: ...
def wire(cls: type[T] | None = None, /, *, closed: bool = False) -> type[T] | Callable[[type[T]], type[T]]:
    """Declare a wire type. A `closed` one refuses members that it does not know."""

    def declare(declared: type[T]) -> type[T]:
        made = frozen(kw_only=True)(declared)
        made.__wire_closed__ = closed  # type: ignore[attr-defined]
        return made

    return declare if cls is None else declare(cls)


def is_wire(candidate: object) -> bool:
    return isinstance(candidate, type) and hasattr(candidate, "__wire_closed__")


class Undecodable(ValueError):
    """The bytes are not JSON of the wanted shape. The text says where, for the caller's eyes."""


def decode(raw: bytes, into: type[T]) -> T:
    """The JSON document `raw` as an `into`; raises Undecodable, or the refusal of an `Immutable` member."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as fault:
        raise Undecodable("the body is not valid JSON") from fault
    if b"\\u0000" in raw or raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        _look_through(document)
    try:
        return CONVERTER.structure(document, into)
    except cattrs.BaseValidationError as fault:
        told = "; ".join(_placed(line) for line in cattrs.transform_error(fault, format_exception=_explain))
        raise Undecodable(told[:512]) from fault
    except ValueError as fault:
        raise Undecodable(f"the body {fault}") from fault


def encode(value: object) -> bytes:
    """A wire value as compact JSON."""
    return orjson.dumps(CONVERTER.unstructure(value), option=orjson.OPT_UTC_Z)


_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def parse_timestamp(text: str) -> datetime:
    """An RFC 3339 timestamp as UTC; fractions beyond microseconds are cut. Raises ValueError."""
    if not _TIMESTAMP.fullmatch(text):
        raise ValueError("not an RFC 3339 timestamp")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError as beyond:
        raise ValueError("a timestamp before the year 1 or after the year 9999") from beyond


def _exactly(kind: type[T], name: str) -> Callable[[Any, Any], T]:
    def structure(value: Any, _: Any) -> T:
        if type(value) is not kind:
            raise ValueError(f"is not {name}")
        return value

    return structure


def _uuid(value: Any, _: Any) -> UUID:
    if type(value) is not str:
        raise ValueError("is not a UUID")
    return UUID(value) if value == str(UUID(int=0)) else parse_id(value)


def _timestamp(value: Any, _: Any) -> datetime:
    if type(value) is not str:
        raise ValueError("is not a timestamp")
    return parse_timestamp(value)


def _enum(value: Any, kind: type[Enum]) -> Enum:
    if type(value) is not str:
        raise ValueError("is not one of the known values")
    return kind(value)


def _object(value: Any, _: Any) -> JsonObject:
    if type(value) is not dict:
        raise ValueError("is not an object")
    return value


def inner_of_optional(kind: Any) -> Any | None:
    """X where `kind` is `X | None` or `X | Unset`; None for every other type."""
    if get_origin(kind) not in (Union, UnionType):
        return None
    rest = [member for member in get_args(kind) if member not in (NoneType, Unset)]
    return rest[0] if len(rest) == 1 and len(get_args(kind)) > 1 else None


def _look_through(document: Any) -> None:
    """Raises Undecodable for a NUL character in a string, and for more than `MAX_DEPTH` levels of nesting.

    Level by level and not by recursion: the decoder takes documents that are deeper than our stack.
    """
    level = [document]
    for _ in range(MAX_DEPTH + 1):
        if any(isinstance(value, str) and "\x00" in value for value in level):
            raise Undecodable("a string holds a NUL character")
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return
    raise Undecodable(f"the body is nested more than {MAX_DEPTH} levels deep")


def _inside(value: Any) -> Iterable[Any]:
    match value:
        case list():
            return value
        case dict():
            return (*value.keys(), *value.values())
        case _:
            return ()


def _explain(fault: BaseException, _: type | None) -> str:
    match fault:
        case cattrs.ForbiddenExtraKeysError():
            return "has members that are not known here"
        case KeyError():
            return "is required"
        case ValueError():
            return str(fault)[:120]
        case _:
            return "has the wrong type"


def _placed(told: str) -> str:
    """`is required @ $.slug` as `slug is required`."""
    what, _, where = told.partition(" @ ")
    return f"{where.removeprefix('$').removeprefix('.') or 'the body'} {what}"


def member_name(attribute: "attrs.Attribute[Any]") -> str:
    """The member of the JSON object that holds the attribute."""
    named = [note.name for note in getattr(attribute.type, "__metadata__", ()) if isinstance(note, Named)]
    return named[0] if named else attribute.name


def is_immutable(attribute: "attrs.Attribute[Any]") -> bool:
    return any(isinstance(note, Immutable) for note in getattr(attribute.type, "__metadata__", ()))


def _refusals(kind: Any) -> dict[str, Callable[[], DomainError]]:
    return {
        member_name(attribute): note.refusal
        for attribute in attrs.fields(kind)
        for note in getattr(attribute.type, "__metadata__", ())
        if isinstance(note, Immutable)
    }


def _structure_fn(kind: Any) -> Callable[[Any, Any], Any]:
    attrs.resolve_types(kind, include_extras=True)
    from_dict = make_dict_structure_fn(
        kind,
        CONVERTER,
        _cattrs_forbid_extra_keys=kind.__wire_closed__,
        **_renamed(kind),
    )

    refusals = _refusals(kind)

    def structure(value: Any, target: Any) -> Any:
        if type(value) is not dict:
            raise ValueError("is not an object")
        for name in refusals.keys() & value.keys():
            raise refusals[name]()
        return from_dict(value, target)

    return structure


def _unstructure_fn(kind: Any) -> Callable[[Any], Any]:
    attrs.resolve_types(kind, include_extras=True)
    return make_dict_unstructure_fn(
        kind,
        CONVERTER,
        _cattrs_omit_if_default=True,
        **_renamed(kind),
    )


def _renamed(kind: Any) -> dict[str, Any]:
    return {attribute.name: override(rename=member_name(attribute)) for attribute in attrs.fields(kind)}


def _origin(kind: Any) -> Any:
    return get_origin(kind)


def _choice(value: Any, kind: Any) -> Any:
    if value not in get_args(kind):
        raise ValueError(f"is not one of {', '.join(get_args(kind))}")
    return value


def _list(value: Any, kind: Any) -> tuple[Any, ...]:
    if type(value) is not list:
        raise ValueError("is not a list")
    item = get_args(kind)[0]
    return tuple(CONVERTER.structure(element, item) for element in value)


CONVERTER = cattrs.Converter(detailed_validation=True)
CONVERTER.register_structure_hook(str, _exactly(str, "a string"))
CONVERTER.register_structure_hook(int, _exactly(int, "an integer"))
CONVERTER.register_structure_hook(bool, _exactly(bool, "a boolean"))
CONVERTER.register_structure_hook(UUID, _uuid)
CONVERTER.register_structure_hook(datetime, _timestamp)
CONVERTER.register_structure_hook_func(lambda kind: kind == JsonObject, _object)
CONVERTER.register_structure_hook_func(lambda kind: isinstance(kind, type) and issubclass(kind, Enum), _enum)
CONVERTER.register_structure_hook_func(
    lambda kind: inner_of_optional(kind) is not None,
    lambda value, kind: CONVERTER.structure(value, inner_of_optional(kind)),  # type: ignore[arg-type]
)
CONVERTER.register_structure_hook_func(lambda kind: _origin(kind) is Literal, _choice)
CONVERTER.register_structure_hook_func(lambda kind: _origin(kind) is tuple, _list)
CONVERTER.register_structure_hook_factory(is_wire, _structure_fn)
CONVERTER.register_unstructure_hook_factory(is_wire, _unstructure_fn)
CONVERTER.register_unstructure_hook(UUID, lambda value: value)
CONVERTER.register_unstructure_hook(datetime, lambda value: value)
CONVERTER.register_unstructure_hook_func(lambda kind: kind == JsonObject, lambda value: value)
