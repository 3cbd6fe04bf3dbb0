"""JSON Schema (2020-12, as OpenAPI 3.1 uses it) out of wire types."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal, get_args, get_origin
from uuid import UUID

import attrs

from plexsphere_adapters.http.wire import (
    Expected,
    Form,
    JsonObject,
    Length,
    Nullable,
    Once,
    Pattern,
    Range,
    Shown,
    inner_of_optional,
    is_immutable,
    is_wire,
    member_name,
)

PRIMITIVES: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    UUID: {"type": "string", "format": "uuid"},
    datetime: {"type": "string", "format": "date-time"},
    bytes: {"type": "string"},
    type(None): {"type": "null"},
    Any: {},
}


class Schemas:
    """The named schemas that a document refers to, collected while it is written."""

    def __init__(self) -> None:
        self.named: dict[str, Any] = {}

    def of(self, kind: Any) -> dict[str, Any]:
        """The schema of a Python type; wire types and enumerations become named ones."""
        if kind in PRIMITIVES:
            return dict(PRIMITIVES[kind])
        if kind == JsonObject:
            return {"type": "object"}
        if get_origin(kind) is Annotated:
            return self._annotated(kind)
        if (optional := inner_of_optional(kind)) is not None:
            return self.of(optional)
        if hasattr(kind, "__supertype__"):
            return self.of(kind.__supertype__)
        if is_wire(kind):
            return self._reference(kind.__name__, lambda: self._object(kind))
        if isinstance(kind, type) and issubclass(kind, Enum):
            return self._reference(kind.__name__, lambda: {"type": "string", "enum": [m.value for m in kind]})
        return self._generic(kind)

    def _generic(self, kind: Any) -> dict[str, Any]:
        match get_origin(kind):
            case origin if origin is Literal:
                return {"type": "string", "enum": list(get_args(kind))}
            case origin if origin in (tuple, list):
                return {"type": "array", "items": self.of(get_args(kind)[0])}
            case origin if origin is not None and issubclass(origin, dict):
                return {"type": "object", "additionalProperties": self.of(get_args(kind)[1])}
            case _:
                raise TypeError(f"{kind!r} has no JSON form")

    def _reference(self, name: str, make: Any) -> dict[str, Any]:
        if name not in self.named:
            self.named[name] = {}
            self.named[name] = make()
        return {"$ref": f"#/components/schemas/{name}"}

    def _object(self, kind: Any) -> dict[str, Any]:
        attrs.resolve_types(kind, include_extras=True)
        fields = [field for field in attrs.fields(kind) if not is_immutable(field)]
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {member_name(field): self.of(field.type) for field in fields},
        }
        if kind.__doc__:
            schema["description"] = " ".join(kind.__doc__.split())
        if required := [member_name(field) for field in fields if _required(field)]:
            schema["required"] = required
        if kind.__wire_closed__:
            schema["additionalProperties"] = False
        return schema

    def _annotated(self, kind: Any) -> dict[str, Any]:
        base, *notes = get_args(kind)
        schema = self.of(next((note.kind for note in notes if isinstance(note, Shown)), base))
        is_list = schema.get("type") == "array"
        for note in notes:
            match note:
                case Length(least, most):
                    low, high = ("minItems", "maxItems") if is_list else ("minLength", "maxLength")
                    schema.update({low: least} if least else {})
                    schema.update({high: most} if most is not None else {})
                case Pattern(regex):
                    schema["pattern"] = regex
                case Range(least, most):
                    schema["minimum"] = least
                    schema.update({"maximum": most} if most is not None else {})
                case Form(name):
                    schema["format"] = name
                case Once():
                    schema["x-plexsphere-once"] = True
                case _:
                    pass
        if any(isinstance(note, Nullable) for note in notes):
            return {"anyOf": [schema, {"type": "null"}]}
        return schema


def _required(field: "attrs.Attribute[Any]") -> bool:
    notes = getattr(field.type, "__metadata__", ())
    return field.default is attrs.NOTHING or any(isinstance(note, Expected) for note in notes)
