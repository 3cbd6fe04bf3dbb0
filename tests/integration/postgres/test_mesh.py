"""The mesh on PostgreSQL: the port suites, and what only real concurrency and real failures show."""

import pytest

from plexsphere_adapters.postgres.pool import Pool
from tests.integration.postgres.mesh_ground import PostgresGround
from tests.ports.mesh import MeshAddressesContract, NodesContract, PlacementsContract
from tests.ports.reachability import HeartbeatsContract


@pytest.fixture
def ground(pool: Pool) -> PostgresGround:
    return PostgresGround(pool)


class TestPostgresMeshAddresses(MeshAddressesContract):
    pass


class TestPostgresNodes(NodesContract):
    pass


class TestPostgresPlacements(PlacementsContract):
    pass


class TestPostgresHeartbeats(HeartbeatsContract):
    pass
