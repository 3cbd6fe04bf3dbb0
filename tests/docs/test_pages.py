"""What all pages promise: links lead somewhere, files that are named exist, and nobody is told how it came to be."""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, prose
from tests.wording import UNSAID

LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FILE = re.compile(r"(plexsphere_\w+|sql|tests|docs|charts)/[\w./{},*-]*")
CHOICE = re.compile(r"\{([^{}]*)\}")

PAST = re.compile(r"\b(previously|formerly|used to be|was renamed|for now|anymore)\b", re.IGNORECASE)

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def anchors(page: Path) -> set[str]:
    """The fragments that a page's headings can be linked by."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(page.read_text())}


def alternatives(path: str) -> Iterator[str]:
    """The paths that a path with `{a,b}` in it stands for."""
    choices = [choice.split(",") for choice in CHOICE.findall(path)]
    for chosen in product(*choices):
        fill = iter(chosen)
        yield CHOICE.sub(lambda _, fill=fill: next(fill), path)  # type: ignore[misc]


@every_page
def test_every_relative_link_leads_somewhere(page: Path):
    broken = []
    for target in LINK.findall(prose(page)):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, fragment = target.partition("#")
        leads_to = (page.parent / path).resolve() if path else page
        if not leads_to.exists() or (fragment and fragment not in anchors(leads_to)):
            broken.append(target)
    assert not broken


@every_page
def test_every_file_that_is_named_exists(page: Path):
    named = {code for code in CODE.findall(prose(page)) if FILE.fullmatch(code)}
    missing = [path for code in named for path in alternatives(code) if not list(ROOT.glob(path.rstrip("/")))]
    assert not missing


@every_page
def test_no_page_tells_how_it_came_to_be(page: Path):
    assert PAST.findall(prose(page)) + UNSAID.findall(page.read_text()) == []


def test_every_page_of_docs_is_linked_from_another():
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in PAGES
        for target in LINK.findall(prose(page))
        if "://" not in target
    }
    within = {folder for folder in linked if folder.is_dir()}
    lonely = [
        str(page.relative_to(ROOT))
        for page in PAGES
        if page.is_relative_to(ROOT / "docs") and page not in linked and page.parent not in within
    ]
    assert not lonely
