"""Path, query and header parameters, out of a request and into a handler's arguments."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Any, get_args, get_origin
from uuid import UUID

from starlette.requests import Request

from plexsphere_adapters.http.errors import InvalidCursor, InvalidLimit
from plexsphere_adapters.http.operation import InHeader, InPath, InQuery, Operation, Parameter
from plexsphere_adapters.http.wire import inner_of_optional, parse_timestamp
from plexsphere_domain.kernel.ids import parse_id
from plexsphere_domain.kernel.paging import DEFAULT_LIMIT, MAX_LIMIT

MAX_DIGITS = 19


def arguments(operation: Operation, request: Request) -> dict[str, Any]:
    """The handler's arguments that the request holds; raises the refusal of the first one that does not parse."""
    found: dict[str, Any] = {}
    for parameter in operation.parameters:
        text = _text(parameter, request)
        if text is None:
            if not parameter.optional:
                raise _refusal(parameter)
            continue
        found[parameter.argument] = _parsed(parameter, text)
    return found


def limit_of(request: Request) -> int:
    """The page size that was asked for; out of range is refused, never clamped."""
    text = request.query_params.get("limit")
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT):
        raise InvalidLimit
    return int(text)


def cursor_of(request: Request) -> str | None:
    """The cursor, None at the start of a list; an empty one is none that was ever given out."""
    cursor = request.query_params.get("cursor")
    if cursor == "":
        raise InvalidCursor
    return cursor


def base_of(kind: Any) -> Any:
    """The plain type behind annotations, optionality and new types."""
    if get_origin(kind) is Annotated:
        return base_of(get_args(kind)[0])
    if (inner := inner_of_optional(kind)) is not None:
        return base_of(inner)
    if hasattr(kind, "__supertype__"):
        return base_of(kind.__supertype__)
    return kind


def _text(parameter: Parameter, request: Request) -> str | None:
    match parameter.place:
        case InPath():
            return str(request.path_params[parameter.name])
        case InQuery():
            return request.query_params.get(parameter.name)
        case InHeader():
            return request.headers.get(parameter.name)


def _parsed(parameter: Parameter, text: str) -> Any:
    try:
        return _parse(base_of(parameter.kind), text)
    except ValueError as fault:
        raise _refusal(parameter) from fault


def _parse(kind: Any, text: str) -> Any:
    if kind is UUID:
        return parse_id(text)
    if kind is int:
        return _integer(text)
    if kind is datetime:
        return parse_timestamp(text)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(text)
    if "\x00" in text:
        raise ValueError("NUL")
    return text


def _integer(text: str) -> int:
    if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) <= MAX_DIGITS):
        raise ValueError("not an integer of 64 bits")
    return int(text)


def _refusal(parameter: Parameter) -> Exception:
    assert not isinstance(parameter.place, InHeader)
    return parameter.place.refusal()
