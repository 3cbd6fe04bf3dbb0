"""Registration on PostgreSQL."""

import pytest

from plexsphere_adapters.postgres.pool import Pool
from tests.integration.postgres.mesh_ground import PostgresGround
from tests.ports.registration import CrowdContract, RegistrationContract, RepetitionContract


@pytest.fixture
def ground(pool: Pool) -> PostgresGround:
    return PostgresGround(pool)


class TestRegistration(RegistrationContract): ...


class TestRepetition(RepetitionContract): ...


class TestCrowd(CrowdContract): ...
