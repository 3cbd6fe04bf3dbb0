"""A running system for the pages that need one."""

from collections.abc import Iterator

import pytest

from plexsphere_apps.embedded.ready_file import Facts
from tests.embedded import shared_facts, started, state_directory


@pytest.fixture(scope="session")
def system() -> Iterator[Facts]:
    """The system that the session shares, or one of its own."""
    shared = shared_facts()
    if shared is not None:
        yield shared
        return
    with state_directory() as state, started(state) as facts:
        yield facts
