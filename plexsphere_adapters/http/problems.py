"""Refusals on the wire: problem details (RFC 9457) out of the domain's typed errors.

The kind of an error gives the status, its `code` the type URI and the title. A document stays below 4 KiB, because
agents read no further.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from plexsphere_domain.kernel import errors

MEDIA_TYPE = "application/problem+json"
TYPE_BASE = "https://plexsphere.com/errors/"
MAX_TEXT = 1024
"""Bytes that a text may take in the document."""

STATUS_OF_KIND: Mapping[type[errors.DomainError], int] = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Refused: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.TooLarge: 413,
    errors.Unprocessable: 422,
    errors.Throttled: 429,
    errors.NotProvisioned: 501,
    errors.Unavailable: 503,
}

TITLES: Mapping[str, str] = {
    "invalid_kind": "Invalid Identity Kind",
    "invalid_status": "Invalid Invitation Status Filter",
    "invalid_principal_id": "Invalid Principal ID",
    "mesh_cidr_overlap": "Mesh CIDR Overlap",
    "mesh_cidr_invalidates_subrange": "Mesh CIDR Invalidates Sub-range",
    "sub_range_overlap": "Sub-range Overlap",
    "sub_range_invalidates_allocation": "Sub-range Invalidates Allocation",
    "invitation_object_out_of_scope": "Invitation Object Out of Scope",
}
"""Titles that are not just the code in title case."""

PLAINLY_TITLED_TAGS = frozenset({"mesh", "access", "actions", "meta"})
"""Tags whose problems carry the status's reason phrase as their title."""


def status_of(error: type[errors.DomainError]) -> int:
    """The status of an error class, by the nearest kind that it descends from; 500 for a bare DomainError."""
    return next((STATUS_OF_KIND[kind] for kind in error.__mro__ if kind in STATUS_OF_KIND), 500)


def type_of(code: str) -> str:
    return TYPE_BASE + code.replace("_", "-")


def title_of(code: str, status: int, tag: str) -> str:
    if tag in PLAINLY_TITLED_TAGS or status == 500:
        return HTTPStatus(status).phrase
    return TITLES.get(code) or code.replace("_", " ").replace("-", " ").title()


def problem(
    *, status: int, code: str, title: str, detail: str, instance: str, correlation_id: str, members: Mapping[str, Any]
) -> Response:
    """One problem document, with the correlation id in its body and its header."""
    body = {
        "type": type_of(code),
        "title": title,
        "status": status,
        "detail": _cut(detail),
        "instance": _cut(instance),
        "code": code,
        "correlation_id": correlation_id,
        **members,
    }
    headers = {name: str(members[key]) for key, name in HEADER_MEMBERS.items() if key in members}
    return Response(orjson.dumps(body), status, headers=headers, media_type=MEDIA_TYPE)


HEADER_MEMBERS: Mapping[str, str] = {"retry_after": "Retry-After"}
"""Members that the client also finds as a header."""


def problem_of(error: errors.DomainError, *, tag: str, instance: str, correlation_id: str) -> Response:
    """The problem that tells `error`; one without a code where the error has none."""
    status = status_of(type(error))
    if not error.code:
        slug = HTTPStatus(status).phrase.lower().replace(" ", "-")
        return bare_problem(status, slug=slug, detail=error.detail, instance=instance, correlation_id=correlation_id)
    return problem(
        status=status,
        code=error.code,
        title=title_of(error.code, status, tag),
        detail=error.detail,
        instance=instance,
        correlation_id=correlation_id,
        members=error.members,
    )


def bare_problem(status: int, *, slug: str, detail: str, instance: str, correlation_id: str) -> Response:
    """A problem without a code: for what happens outside every operation, such as an unknown path."""
    body = {
        "type": TYPE_BASE + slug,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _cut(detail),
        "instance": _cut(instance),
        "correlation_id": correlation_id,
    }
    return Response(orjson.dumps(body), status, media_type=MEDIA_TYPE)


def _cut(text: str) -> str:
    """The text, or as much of it as surely fits: a character takes up to six bytes in JSON, a control character's."""
    kept = text[:MAX_TEXT]
    return kept if len(orjson.dumps(kept)) <= MAX_TEXT + len('""') else kept[: MAX_TEXT // 6]
