"""No number with a fraction gets into bytes that are hashed or signed: its spelling would be a matter of taste."""

import json
from typing import NoReturn, get_type_hints

import pytest

from plexsphere_apps.reference.events import announcement_of, facts
from plexsphere_domain.audit.model import AuditContent
from plexsphere_domain.kernel.events import DomainEvent
from plexsphere_domain.mesh.bus import canonical


def refuse(number: str) -> NoReturn:
    pytest.fail(f"{number} is a number with a fraction")


def test_an_audit_row_has_no_member_that_could_be_one():
    assert "float" not in {str(hint) for hint in get_type_hints(AuditContent).values()} | {
        getattr(hint, "__name__", "") for hint in get_type_hints(AuditContent).values()
    }


@pytest.mark.parametrize("fact", facts(), ids=lambda fact: fact.__name__)
def test_an_announcement_has_none(fact: type[DomainEvent]):
    announcement = announcement_of(fact)
    if announcement is not None:
        json.loads(canonical.encode(announcement.payload), parse_float=refuse)
