import pytest

from plexsphere_adapters.memory.authz import MemoryGraph
from tests.ports.relation_graph import Graph, RelationGraphContract, tenancy, user

__all__ = ["tenancy", "user"]


@pytest.fixture
def graph() -> Graph:
    return MemoryGraph()


class TestMemoryGraph(RelationGraphContract):
    pass
