"""Registration in memory."""

import pytest

from tests.ports.registration import CrowdContract, RegistrationContract, RepetitionContract
from tests.unit.mesh.mesh_ground import MemoryGround


@pytest.fixture
def ground() -> MemoryGround:
    return MemoryGround()


class TestRegistration(RegistrationContract): ...


class TestRepetition(RepetitionContract): ...


class TestCrowd(CrowdContract): ...
