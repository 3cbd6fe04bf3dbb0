"""docs/reference/permissions.md says of every gate what the code says."""

import re
from pathlib import Path

import pytest

from plexsphere_adapters.http.operations import OPERATIONS
from plexsphere_domain.authz.model import ObjectType, Permission, Relation
from plexsphere_domain.authz.schema import DERIVATIONS, OfParent, Source, is_gate

PAGE = Path("docs/reference/permissions.md").read_text()
GATES = dict(re.findall(r"^\| `(\w+)` \| (?:`([\w#-]+)`|—)", PAGE.partition("## What grants what")[0], re.MULTILINE))
DERIVED = {
    (object_type, permission): sources
    for object_type, permission, sources in re.findall(
        r"^\| `(\w+)` \| `([\w-]+)` \| (.+) \|$", PAGE.partition("## What grants what")[2], re.MULTILINE
    )
}


def told(source: Source) -> str:
    match source:
        case OfParent(permission):
            return f"`{permission}` of the parent"
        case Permission():
            return f"`{source}`"
        case Relation():
            return f"relation `{source}`"


def test_the_gate_of_every_operation_is_in_the_table():
    declared = {each.id: f"{each.gate.type}#{each.gate.permission}" for each in OPERATIONS if each.gate is not None}
    assert {operation: GATES.get(operation) for operation in declared} == declared


def test_no_operation_without_a_gate_is_said_to_have_one():
    assert not [each.id for each in OPERATIONS if each.gate is None and GATES.get(each.id)]


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.gate is not None], ids=lambda each: each.id)
def test_a_gate_asks_for_what_its_object_can_grant(operation):
    assert is_gate(operation.gate.type, operation.gate.permission)


def test_the_table_of_derivations_is_the_code_s():
    in_code = {
        (each.value, permission.value): ", ".join(told(source) for source in sources)
        for each in ObjectType
        for permission, sources in DERIVATIONS[each].items()
        if is_gate(each, permission)
    }
    assert in_code == DERIVED
