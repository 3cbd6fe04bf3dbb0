"""The stores every integration test works on."""

from collections.abc import Iterator

import pytest

from plexsphere_apps.embedded.ready_file import Facts
from tests.embedded import shared_facts, started, state_directory


@pytest.fixture(scope="session")
def stores() -> Iterator[Facts]:
    """Addresses and credentials of real stores. Tests share them: each makes databases, streams and buckets of its own.

    A test that kills a store starts a system of its own instead.
    """
    facts = shared_facts()
    if facts is not None:
        yield facts
        return
    with state_directory() as state, started(state, "--stores-only") as facts:
        yield facts
