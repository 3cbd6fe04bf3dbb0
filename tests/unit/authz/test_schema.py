"""The derivations of the domain and sql/authz/schema.zed say the same."""

import re
from pathlib import Path

import pytest

from plexsphere_adapters.spicedb.names import PERMISSIONS
from plexsphere_domain.authz.model import CAVEAT_OF_PARAMETER, Caveat, ObjectType, Permission, Relation
from plexsphere_domain.authz.schema import DERIVATIONS, OfParent, Source, is_gate

SCHEMA = re.sub(r"/\*.*?\*/", "", Path("sql/authz/schema.zed").read_text(), flags=re.DOTALL)
DEFINITIONS = dict(re.findall(r"^definition (\w+) \{(.*?)^\}", SCHEMA, flags=re.DOTALL | re.MULTILINE))


def spelled(source: Source) -> str:
    match source:
        case OfParent(permission):
            return f"parent->{PERMISSIONS[permission]}"
        case Permission():
            return PERMISSIONS[source]
        case Relation():
            return source.value


@pytest.mark.parametrize("type", ObjectType)
def test_every_permission_derives_from_the_same_sources(type):
    in_schema = {
        name: set(sources.split(" + ")) for name, sources in re.findall(r"permission (\w+) = (.+)", DEFINITIONS[type])
    }
    in_domain = {
        PERMISSIONS[permission]: {spelled(source) for source in sources}
        for permission, sources in DERIVATIONS[type].items()
    }
    assert in_domain == in_schema


@pytest.mark.parametrize("type", ObjectType)
def test_every_source_exists(type):
    written = set(re.findall(r"relation (\w+):", DEFINITIONS[type]))
    for sources in DERIVATIONS[type].values():
        for source in sources:
            match source:
                case OfParent(_):
                    assert "parent" in written
                case Permission():
                    assert source in DERIVATIONS[type]
                case Relation():
                    assert source in written


def test_the_schema_defines_nothing_else():
    assert set(DEFINITIONS) == {*ObjectType, "graph"}


def test_relations_and_permissions_have_names_of_their_own():
    for body in DEFINITIONS.values():
        assert not set(re.findall(r"relation (\w+):", body)) & set(re.findall(r"permission (\w+) =", body))


def test_caveats_are_the_closed_set():
    declared = dict(re.findall(r"^caveat (\w+)\((.*?)\)", SCHEMA, flags=re.MULTILINE))
    assert set(declared) == set(Caveat)
    for parameter, caveat in CAVEAT_OF_PARAMETER.items():
        assert re.search(rf"\b{parameter} ", declared[caveat])


def test_bound_is_no_gate():
    assert not any(is_gate(each, Permission.BOUND) for each in ObjectType)
    assert is_gate(ObjectType.NODE, Permission.NODE_AGENT)
    assert not is_gate(ObjectType.NODE, Permission.DEPLOY)
