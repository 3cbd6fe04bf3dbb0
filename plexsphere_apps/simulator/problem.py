"""Problem documents (RFC 9457): what plexd reads of them, and what they have to be."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson
from attrs import frozen

from plexsphere_apps.simulator.http import Answer

MAX_READ: Final = 4096
"""plexd reads no more of an error's body, so a longer document loses its code."""

MAX_CODE: Final = 128
MAX_CORRELATION_ID: Final = 256

_REQUIRED: Final[Mapping[str, type]] = {
    "type": str,
    "title": str,
    "status": int,
    "detail": str,
    "instance": str,
    "correlation_id": str,
}


@frozen
class Problem:
    """Empty strings where plexd would have nothing."""

    code: str = ""
    detail: str = ""
    correlation_id: str = ""


def read(answer: Answer) -> Problem:
    """As plexd reads it: leniently, and only of the right media type."""
    document = _document(answer) if answer.media_type == "application/problem+json" else None
    if document is None:
        return Problem(correlation_id=answer.headers.get("x-correlation-id", ""))
    code, correlation_id = document.get("code"), document.get("correlation_id")
    if not isinstance(code, str) or len(code) > MAX_CODE or not code.isprintable():
        code = ""
    if not isinstance(correlation_id, str) or len(correlation_id) > MAX_CORRELATION_ID:
        correlation_id = answer.headers.get("x-correlation-id", "")
    return Problem(code, str(document.get("detail") or document.get("title") or ""), correlation_id)


def broken_rules(answer: Answer) -> Iterator[str]:
    """What is wrong with an error answer, whoever reads it."""
    if answer.media_type != "application/problem+json":
        yield "an error is application/problem+json"
        return
    if len(answer.body) > MAX_READ:
        yield f"a problem document has at most {MAX_READ} bytes"
    document = _document(answer)
    if document is None:
        yield "a problem document is a JSON object"
        return
    for name, kind in _REQUIRED.items():
        if not isinstance(document.get(name), kind):
            yield f"a problem has `{name}`"
    if document.get("status") != answer.status:
        yield "a problem's `status` is that of the answer"
    if document.get("correlation_id") != answer.headers.get("x-correlation-id"):
        yield "`correlation_id` and X-Correlation-Id agree"
    if answer.status != 500 and not isinstance(document.get("code"), str):
        yield "a problem has a `code`"


def _document(answer: Answer) -> dict[str, Any] | None:
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None
