"""What holds for every operation of the API."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

import pytest

from plexsphere_adapters import http
from plexsphere_adapters.http.openapi import problem_classes
from plexsphere_adapters.http.operation import Operation
from plexsphere_adapters.http.operations import OPERATIONS
from plexsphere_adapters.http.problems import status_of
from plexsphere_adapters.http.wire import is_wire
from plexsphere_apps.reference.problems import OUTAGES, answered_by
from plexsphere_domain.kernel.errors import DomainError
from tests.architecture.refusals import all_refusals, met_by

NEVER_ANSWERED = {
    "blobstore_unavailable": "no operation touches blobs",
    "internal": "a bug, told as one",
    "invalid_deployment_host": "a mistake in the configuration: the process does not start",
    "invalid_kid": "between core and signer",
    "kid_not_active": "between core and signer",
    "no_signing_key": "between core and signer; the relay sets aside what it concerns",
    "relay_cursor_moved": "between replicas",
    "signing_batch_too_large": "between core and signer",
    "signing_key_unusable": "between core and signer; the relay sets aside what it concerns",
}
"""Codes that no caller of the API sees, and why."""

CANNOT_HAPPEN = {
    ("PatchProject", "ParentDomainMissing"): "a Domain with Projects is not deleted",
    ("RevokeBootstrapToken", "NonceCollision"): "only a redemption writes a nonce",
    ("GetAuditEntry", "AuditDomainNotFound"): "it is told as a row that is not there",
    ("GetPlatformAuditEntry", "AuditDomainNotFound"): "the platform is always there",
    ("ListPlatformAuditEntries", "AuditDomainNotFound"): "the platform is always there",
    ("VerifyPlatformAuditChain", "AuditDomainNotFound"): "the platform is always there",
    ("EraseIdentityFromPlatformAudit", "AuditDomainNotFound"): "the platform is always there",
}
"""Refusals that the source of a handler leads to, and that it cannot meet all the same."""

OF_TWO_STATUSES = {"token_consumed", "token_revoked"}
"""Codes that are a 403 to the machine that redeems, and a 409 to the operator who revokes."""

MOST_STATEMENTS = 3

every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)


def wire_types() -> Iterator[type]:
    """Every type of a body, in or out."""
    for module in walk_packages(http.__path__, f"{http.__name__}."):
        for _, member in inspect.getmembers(import_module(module.name), inspect.isclass):
            if member.__module__ == module.name and is_wire(member):
                yield member


def answer(error: type[DomainError]) -> tuple[int, str]:
    return status_of(error), error.code


@every_operation
def test_a_handler_decodes_calls_and_encodes(operation: Operation):
    function = ast.parse(textwrap.dedent(inspect.getsource(operation.handler))).body[0]
    assert isinstance(function, ast.AsyncFunctionDef)
    statements = function.body[1:] if ast.get_docstring(function) else function.body
    assert len(statements) <= MOST_STATEMENTS


@every_operation
def test_a_handler_says_what_it_does(operation: Operation):
    assert operation.summary.endswith((".", ")"))
    assert operation.summary != operation.id


@every_operation
def test_every_refusal_that_a_handler_can_meet_is_declared(operation: Operation):
    declared = {answer(error) for error in problem_classes(operation)} | {answer(outage) for outage in OUTAGES}
    met = {error for error in met_by(operation) if error.code not in NEVER_ANSWERED}
    undeclared = {error.__name__ for error in met if answer(error) not in declared}
    assert {name for name in undeclared if (operation.id, name) not in CANNOT_HAPPEN} == set()


def test_operations_are_told_apart():
    assert len({each.id for each in OPERATIONS}) == len(OPERATIONS)
    assert len({(each.method, each.path) for each in OPERATIONS}) == len(OPERATIONS)


def test_every_code_is_answered_somewhere_or_said_to_be_internal():
    answered = {error.code for error in (*answered_by(), *OUTAGES)}
    codes = {error.code for error in all_refusals() if error.code}
    assert codes - answered == NEVER_ANSWERED.keys() - {"internal"}


def test_a_code_means_one_status():
    statuses: dict[str, set[int]] = {}
    for error in answered_by():
        statuses.setdefault(error.code, set()).add(status_of(error))
    assert {code for code, found in statuses.items() if len(found) > 1} == OF_TWO_STATUSES


def test_every_wire_type_says_what_it_is():
    assert [kind.__name__ for kind in wire_types() if not kind.__doc__] == []
