"""The mesh in memory keeps the promises of every store."""

import pytest

from tests.ports.mesh import MeshAddressesContract, NodesContract, PlacementsContract
from tests.ports.reachability import HeartbeatsContract
from tests.unit.mesh.mesh_ground import MemoryGround


@pytest.fixture
def ground() -> MemoryGround:
    return MemoryGround()


class TestMemoryMeshAddresses(MeshAddressesContract): ...


class TestMemoryNodes(NodesContract): ...


class TestMemoryPlacements(PlacementsContract): ...


class TestMemoryHeartbeats(HeartbeatsContract): ...
