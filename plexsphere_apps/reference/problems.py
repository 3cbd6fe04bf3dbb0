"""docs/reference/problems.md: every code that a refusal can carry, and who answers it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from inspect import cleandoc
from typing import Final

from plexsphere_adapters.crypto.argon2 import HashingOverloaded
from plexsphere_adapters.crypto.keywrap import WrapKeyUnavailable
from plexsphere_adapters.http.admission import OPERATOR
from plexsphere_adapters.http.openapi import problem_classes
from plexsphere_adapters.http.operation import Operation
from plexsphere_adapters.http.operations import OPERATIONS
from plexsphere_adapters.http.problems import status_of
from plexsphere_adapters.openbao.client import SecretStoreUnavailable
from plexsphere_adapters.postgres.pool import TransactionContended
from plexsphere_domain.kernel.errors import DomainError, Unavailable
from plexsphere_domain.signing.errors import SigningUnavailable

_HEAD: Final = """\
# Problems

A refusal is answered with a problem document (RFC 9457, `application/problem+json`). Its `code` is stable: programs may
decide by it. `detail` is for people, and `correlation_id` finds the request in logs and in the audit log. The `type` is
`https://plexsphere.com/errors/` with the code, its underscores as hyphens.

```json
{
  "type": "https://plexsphere.com/errors/domain-slug-conflict",
  "title": "Domain Slug Conflict",
  "status": 409,
  "detail": "another Domain has this slug",
  "instance": "/v1/domains",
  "code": "domain_slug_conflict",
  "correlation_id": "0190a3c5-9d1e-7b53-8f0e-2c1d8e6a7b44"
}
```

Some refusals have no code, for they are about HTTP alone: an unknown path (404), a method that a path does not serve
(405), a file that the documentation page does not have (404), and a body that does not arrive in time (408). Their
`type` ends in the name of the status, as in `…/not-found`.

A refusal with 503 may be repeated as it is: nothing was done, and the same request may succeed later. Any other one
stays a refusal until something changes.

This page is generated: `python3 noxfile.py generate`.

| Code | Status | Meaning | Answered by |
|---|---|---|---|
"""

_OUTAGES: Final = """
## Outages

Whatever is asked may need something that is away or busy. Then the answer is 503 with one of these codes:

| Code | Meaning |
|---|---|
"""

OUTAGES: Final[Sequence[type[Unavailable]]] = (
    HashingOverloaded,
    SecretStoreUnavailable,
    SigningUnavailable,
    TransactionContended,
    WrapKeyUnavailable,
)
"""What can be away whatever the operation, besides the datastore."""

_GROUPS: Final[Mapping[str, Callable[[Operation], bool]]] = {
    "every operation": lambda operation: True,
    "every operation for operators": lambda operation: operation.admission is OPERATOR,
    "every operation with a gate": lambda operation: operation.gate is not None,
    "every operation with a body for operators": lambda operation: (
        bool(operation.body) and operation.admission is OPERATOR
    ),
    "every list": lambda operation: operation.paging is not None,
}
"""Operations that are told in one word. Of several groups that fit, the first counts."""

_MEMBERS: Final[Collection[str]] = frozenset(
    parameter.name for operation in OPERATIONS for parameter in operation.parameters
) | {"cursor", "limit"}
"""What a request is asked for beside its body, by its name on the wire."""


def page() -> str:
    """The page in Markdown."""
    outages = (f"| `{outage.code}` | {meaning(outage)} |\n" for outage in OUTAGES)
    return _HEAD + "".join(sorted(_rows())) + _OUTAGES + "".join(sorted(outages))


def answered_by() -> Mapping[type[DomainError], Collection[str]]:
    """Every refusal that the API can answer, and the ids of the operations that can."""
    answered: dict[type[DomainError], list[str]] = {}
    for operation in OPERATIONS:
        for error in _coded(operation):
            answered.setdefault(error, []).append(operation.id)
    return answered


def meaning(error: type[DomainError]) -> str:
    """What the class says of itself: the first paragraph of its docstring, else the sentence that it answers with."""
    if error.__doc__:
        return " ".join(cleandoc(error.__doc__).partition("\n\n")[0].split())
    return _sentence(error().detail)


def _sentence(detail: str) -> str:
    """The detail as a sentence. A member of the request that it begins with keeps its spelling."""
    first, blank, rest = detail.partition(" ")
    begun = f"`{first}`" if first in _MEMBERS else f"{first[0].upper()}{first[1:]}"
    return f"{begun}{blank}{rest}."


def _coded(operation: Operation) -> Iterator[type[DomainError]]:
    return (error for error in problem_classes(operation) if error.code)


def _rows() -> Iterator[str]:
    for error, operations in answered_by().items():
        yield f"| `{error.code}` | {status_of(error)} | {meaning(error)} | {_told(frozenset(operations))} |\n"


def _told(operations: frozenset[str]) -> str:
    for name, belongs in _GROUPS.items():
        group = frozenset(each.id for each in OPERATIONS if belongs(each))
        if group <= operations:
            return ", ".join((name, *_quoted(operations - group)))
    return ", ".join(_quoted(operations))


def _quoted(operations: Collection[str]) -> Iterator[str]:
    return (f"`{operation}`" for operation in sorted(operations))
