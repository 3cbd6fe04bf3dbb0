"""A real OpenBao: one that all share, each test with an engine of its own, and one for those who break it."""

import pytest

from tests.integration.openbao.server import Server, mounted


@pytest.fixture
async def server(tmp_path):
    """Started, and nothing more."""
    server = Server(tmp_path)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="session")
async def shared(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("openbao"))
    await server.serve()
    yield server
    await server.stop()


@pytest.fixture
async def openbao(shared):
    client = await mounted(shared)
    yield client
    client.close()
