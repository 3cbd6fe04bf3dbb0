from collections.abc import AsyncIterator, Iterator
from uuid import UUID, uuid4

import pytest
import structlog

from tests.unit.http.api import Api, Caller, JsonBody

OPERATOR = uuid4()


@pytest.fixture(autouse=True, scope="session")
def plain_logs() -> Iterator[None]:
    """Without the pictures of whole object graphs that structlog draws for an exception by default."""
    structlog.configure(processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)])
    yield
    structlog.reset_defaults()


@pytest.fixture
def api() -> Api:
    return Api.on_memory(OPERATOR)


@pytest.fixture
async def operator(api: Api) -> AsyncIterator[Caller]:
    """A platform operator: passes every gate."""
    caller = await api.caller(OPERATOR)
    async with caller.client:
        yield caller


@pytest.fixture
async def stranger(api: Api) -> AsyncIterator[Caller]:
    """A user whom nothing binds to anything."""
    caller = await api.caller()
    async with caller.client:
        yield caller


@pytest.fixture
async def domain(operator: Caller) -> JsonBody:
    return await operator.made("/v1/domains", {"name": "Acme", "slug": "acme", "mesh_cidr": "100.64.0.0/16"})


@pytest.fixture
async def project(operator: Caller, domain: JsonBody) -> JsonBody:
    return await operator.made("/v1/projects", {"domain_id": domain["id"], "name": "Web", "slug": "web"})


NOWHERE = UUID("018f2d5e-0000-7000-8000-00000000000f")
