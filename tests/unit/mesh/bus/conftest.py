import pytest

from tests.unit.mesh.bus.doubles import Clock, Facts, Keys, Observer


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def facts() -> Facts:
    return Facts()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def observer() -> Observer:
    return Observer()
