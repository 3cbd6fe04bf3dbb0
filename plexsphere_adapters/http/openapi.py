"""The API description (OpenAPI 3.1), written out of the operations' declarations."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, get_args, get_origin

from plexsphere_adapters.http.admission import Scheme
from plexsphere_adapters.http.errors import CursorBindingMismatch, InvalidCursor, InvalidLimit, NodeOutOfReach
from plexsphere_adapters.http.operation import Answer, InHeader, InPath, InQuery, Operation, Parameter
from plexsphere_adapters.http.problems import MEDIA_TYPE, status_of
from plexsphere_adapters.http.schema import Schemas
from plexsphere_domain.authz.errors import AuthzUnavailable, PermissionDenied
from plexsphere_domain.authz.model import Reason
from plexsphere_domain.kernel.errors import DomainError, Unavailable
from plexsphere_domain.kernel.paging import DEFAULT_LIMIT, MAX_LIMIT

PLACES: dict[type, str] = {InPath: "path", InQuery: "query", InHeader: "header"}
RFC_9457 = "Problem details (RFC 9457). `code` is stable; `detail` is for people."

STRING = {"type": "string"}
PROBLEM = {
    "type": "object",
    "description": RFC_9457,
    "properties": {
        "type": STRING,
        "title": STRING,
        "status": {"type": "integer"},
        "detail": STRING,
        "instance": STRING,
        "code": STRING,
        "correlation_id": STRING,
    },
    "required": ["type", "title", "status", "detail", "instance", "correlation_id"],
}
PERMISSION_DENIED = {
    "type": "object",
    "description": "A denial by authorization policy. Its correlation id finds the audit entry of the decision.",
    "properties": {
        **PROBLEM["properties"],  # type: ignore[dict-item]
        "reason": {"type": "string", "enum": ["out_of_scope", "insufficient_relation", "caveat_violation"]},
        "relation_path": {"type": "array", "items": STRING},
    },
    "required": ["type", "title", "status", "detail", "instance", "reason", "correlation_id"],
}
SECURITY_SCHEMES = {
    Scheme.SESSION_COOKIE.value: {"type": "apiKey", "in": "cookie", "name": "plexsphere_session"},
    Scheme.OPERATOR_BEARER.value: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    Scheme.NSK_BEARER.value: {"type": "http", "scheme": "bearer", "bearerFormat": "NSK"},
}


class ServiceFault(DomainError):
    """An unexpected fault; its cause is in the server's log only."""


def document(operations: Iterable[Operation], *, version: str) -> dict[str, Any]:
    """The description of `operations`, as a JSON-compatible object."""
    schemas = Schemas()
    schemas.named |= {"Problem": PROBLEM, "PermissionDenied": PERMISSION_DENIED}
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for operation in sorted(operations, key=lambda o: (o.path, o.method)):
        paths[operation.path][operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "plexsphere",
            "version": version,
            "summary": "The control plane of a multi-tenant WireGuard mesh",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": dict(paths),
        "components": {"schemas": schemas.named, "securitySchemes": SECURITY_SCHEMES},
    }


def problem_classes(operation: Operation) -> tuple[type[DomainError], ...]:
    """Every refusal that the operation can answer: its own, and those that its declaration implies."""
    return tuple(dict.fromkeys(_problem_classes(operation)))


def _problem_classes(operation: Operation) -> Iterator[type[DomainError]]:
    yield from operation.admission.problems
    for parameter in operation.parameters:
        if not isinstance(parameter.place, InHeader):
            yield type(parameter.place.refusal())
    if operation.gate is not None:
        denial = PermissionDenied(Reason.OUT_OF_SCOPE)
        yield from (AuthzUnavailable, type(operation.gate.denied(denial) if operation.gate.denied else denial))
    if operation.paging is not None:
        yield from (InvalidLimit, InvalidCursor)
        if operation.paging.bound:
            yield CursorBindingMismatch
    if operation.body is not None:
        yield from (type(operation.malformed("")), type(operation.oversized(0)))
    yield from operation.problems
    yield ServiceFault
    yield DatastoreOutage


class DatastoreOutage(Unavailable):
    """The truth is out of reach, whatever the operation."""

    code = "datastore_unavailable"


def _operation(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "security": [{scheme.value: []} for scheme in operation.admission.schemes],
        "parameters": [*(_parameter(p, schemas) for p in operation.parameters), *_paging_parameters(operation)],
        "responses": _responses(operation, schemas),
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": not operation.body_optional,
            "content": {"application/json": {"schema": schemas.of(operation.body)}},
        }
    return described


def _parameter(parameter: Parameter, schemas: Schemas) -> dict[str, Any]:
    kind = parameter.kind
    notes = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    return {
        "name": parameter.name,
        "in": PLACES[type(parameter.place)],
        "required": not parameter.optional,
        "schema": schemas.of(Annotated[(get_args(kind)[0], *notes)] if notes else kind),
    }


def _paging_parameters(operation: Operation) -> list[dict[str, Any]]:
    if operation.paging is None:
        return []
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    return [
        {"name": "cursor", "in": "query", "required": False, "schema": STRING},
        {"name": "limit", "in": "query", "required": False, "schema": limit},
    ]


def _responses(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    responses = {str(answer.status): _success(answer, operation, schemas) for answer in operation.returns}
    by_status: dict[int, list[type[DomainError]]] = defaultdict(list)
    for error in problem_classes(operation):
        by_status[status_of(error)].append(error)
    for status, errors in sorted(by_status.items()):
        if str(status) not in responses:
            responses[str(status)] = _refusal(status, errors)
    return responses


def _success(answer: Answer, operation: Operation, schemas: Schemas) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": (answer.type.__doc__ or "Done").split("\n")[0] if answer.type else "Done"
    }
    headers = (*answer.headers, *(("Location",) if answer.location else ()))
    if headers:
        response["headers"] = {name: {"schema": STRING} for name in headers}
    if operation.paging is not None:
        response["content"] = {answer.media_type: {"schema": _list(operation, answer, schemas)}}
    elif answer.type is not None:
        response["content"] = {answer.media_type: {"schema": schemas.of(answer.type)}}
    return response


def _list(operation: Operation, answer: Answer, schemas: Schemas) -> dict[str, Any]:
    assert operation.paging is not None
    listed: dict[str, Any] = {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": schemas.of(answer.type)},
            "next_cursor": STRING,
        },
        "required": ["items"],
    }
    if operation.paging.tells_emptiness:
        listed["properties"]["empty_reason"] = {"type": "string", "enum": ["no_rebac_membership"]}
    schemas.named[operation.paging.name] = listed
    return {"$ref": f"#/components/schemas/{operation.paging.name}"}


def _refusal(status: int, errors: list[type[DomainError]]) -> dict[str, Any]:
    names = {"PermissionDenied" if _tells_relations(error) else "Problem" for error in errors}
    references = [{"$ref": f"#/components/schemas/{name}"} for name in sorted(names)]
    return {
        "description": ", ".join(sorted({error.code for error in errors})),
        "content": {MEDIA_TYPE: {"schema": references[0] if len(references) == 1 else {"anyOf": references}}},
    }


def _tells_relations(error: type[DomainError]) -> bool:
    return issubclass(error, PermissionDenied | NodeOutOfReach)
