"""docs/reference: the generated pages are those that the code generates, and leave nothing unsaid."""

import pytest

from plexsphere_apps.reference import PAGES
from plexsphere_apps.reference.events import facts
from plexsphere_apps.reference.problems import answered_by, meaning
from plexsphere_domain.authz.projection import REMOVALS, TOUCHES
from plexsphere_domain.kernel.errors import DomainError
from plexsphere_domain.kernel.events import DomainEvent
from plexsphere_domain.mesh.bus.announcements import ANNOUNCED
from tests.docs.pages import ROOT


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_its_generator_makes_it(name: str):
    committed = (ROOT / "docs/reference" / name).read_text(encoding="utf-8")
    assert committed == PAGES[name](), "run: python3 noxfile.py generate"


@pytest.mark.parametrize("fact", facts(), ids=lambda fact: fact.__name__)
def test_a_fact_says_what_it_means(fact: type[DomainEvent]):
    assert fact.__doc__


def test_what_is_announced_and_projected_are_facts_that_there_are():
    assert ANNOUNCED | TOUCHES.keys() | REMOVALS.keys() <= {fact.__name__ for fact in facts()}


@pytest.mark.parametrize("error", answered_by(), ids=lambda error: error.__name__)
def test_a_refusal_says_what_it_means(error: type[DomainError]):
    assert meaning(error).endswith((".", "?", ")"))
