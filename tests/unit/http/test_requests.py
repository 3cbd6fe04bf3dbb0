"""What every request goes through, whatever operation it is for."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest

from plexsphere_adapters.http import bodies
from tests.unit.http.api import Api, Caller

DOMAIN = b'{"name":"Acme","slug":"acme","mesh_cidr":"100.64.0.0/16"}'
GZIP = {"content-encoding": "gzip"}


async def test_a_body_may_be_compressed(operator: Caller) -> None:
    assert (await operator.call("POST", "/v1/domains", gzip.compress(DOMAIN), headers=GZIP)).status_code == 201


@pytest.mark.parametrize(
    ("body", "headers", "told"),
    [
        (gzip.compress(DOMAIN)[:-1], GZIP, "the body is not valid gzip"),
        (gzip.compress(DOMAIN)[:-8] + bytes(8), GZIP, "the body is not valid gzip"),
        (DOMAIN, GZIP, "the body is not valid gzip"),
        (b"", GZIP, "the body is not valid gzip"),
        (DOMAIN, {"content-encoding": "br"}, "the content encoding is neither gzip nor identity"),
        (DOMAIN, {"content-type": "text/plain"}, "the body must be application/json"),
    ],
)
async def test_a_body_that_cannot_be_read(operator: Caller, body: bytes, headers: dict[str, str], told: str) -> None:
    response = await operator.call("POST", "/v1/domains", body, headers=headers)
    assert (response.status_code, response.json()["code"], response.json()["detail"]) == (400, "invalid_body", told)


async def test_a_body_that_inflates_beyond_the_ceiling(operator: Caller) -> None:
    bomb = gzip.compress(b'{"name":"' + b" " * 1_000_000 + b'"}')
    assert await operator.refused("POST", "/v1/domains", bomb, headers=GZIP) == (413, "request_body_too_large")


async def test_a_body_that_never_ends(operator: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "DEADLINE", 0.01)

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    response = await operator.client.post("/v1/domains", content=slow())
    assert response.status_code == 408
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("character", ["%01", "%F0%9F%98%80", "%22", "a"])
async def test_no_problem_outgrows_what_agents_read(api: Api, operator: Caller, character: str) -> None:
    path = "/v1/domains/" + character * 2000
    response = await operator.call("GET", path)
    assert response.status_code == 400
    assert len(response.content) < 4096
    assert response.json()["code"] == "invalid_domain_id"


async def test_a_path_is_spelled_in_one_way(operator: Caller) -> None:
    response = await operator.call("GET", "/v1/domains/")
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["instance"]) == (404, "/v1/domains/")
    assert problem["correlation_id"] == response.headers["x-correlation-id"]
