"""docs/reference/operations.md: every operation of the API."""

from itertools import groupby
from typing import Final

from plexsphere_adapters.http.admission import Scheme
from plexsphere_adapters.http.operation import Gate, Operation
from plexsphere_adapters.http.operations import OPERATIONS

_HEAD: Final = """\
# Operations

Everything that the API can be asked. Shapes, limits and status codes are in [its description](openapi.json), which a
running core tells at `/v1/openapi.json`; the codes of refusals in [problems](problems.md); what the gates mean in
[permissions](permissions.md).

An operator presents an API token (`Authorization: Bearer psk_…`). A Node presents its Node Secret Key in an envelope
(`Authorization: Bearer nsk_…`), and only for what is about itself; the gate is for operators.

This page is generated: `python3 noxfile.py generate`.
"""

_CREDENTIALS: Final = {
    frozenset[Scheme](): "none",
    frozenset({Scheme.SESSION_COOKIE, Scheme.OPERATOR_BEARER}): "operator",
    frozenset({Scheme.NSK_BEARER}): "Node",
    frozenset(Scheme): "operator or Node",
}


def page() -> str:
    """The page in Markdown."""
    return _HEAD + "".join(_section(tag, tuple(found)) for tag, found in groupby(OPERATIONS, lambda each: each.tag))


def _section(tag: str, operations: tuple[Operation, ...]) -> str:
    head = f"\n## {tag}\n\n| Operation | Request | Does | Credential | Gate | Answers |\n|---|---|---|---|---|---|\n"
    return head + "".join(map(_row, operations))


def _row(operation: Operation) -> str:
    cells = (
        f"`{operation.id}`",
        f"`{operation.method} {operation.path}`",
        operation.summary,
        _CREDENTIALS[frozenset(operation.admission.schemes)],
        _gate(operation.gate),
        ", ".join(str(answer.status) for answer in operation.returns),
    )
    return f"| {' | '.join(cells)} |\n"


def _gate(gate: Gate | None) -> str:
    return "—" if gate is None else f"`{gate.type}#{gate.permission}`"
