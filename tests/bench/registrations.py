"""Registrations against the Argon2id verifications that the machine can do."""

import asyncio
import time

from plexsphere_adapters.crypto.argon2 import Argon2idHasher
from plexsphere_apps.embedded.ready_file import Facts
from plexsphere_domain.kernel.secrets import SecretStr
from tests.bench.fleet import operator, registration, tenancy
from tests.bench.load import drive, request
from tests.bench.report import Ratio, at_least

REGISTRATIONS = 120
CONNECTIONS = 16
SECONDS = 4.0


async def run(facts: Facts) -> Ratio:
    floor = await _verifications()
    _, project, _ = tenancy(facts, "bench-register", "10.106.0.0/16")
    wanted = {"kind": "node", "env_prefix": "bench", "ttl_seconds": 3600}
    with operator(facts) as api:
        issued = [api.post(f"/v1/projects/{project}/bootstrap-tokens", json=wanted) for _ in range(REGISTRATIONS)]
    tokens = [answer.json()["token"] for answer in issued]
    host = str(facts.core_url).removeprefix("http://")
    bodies = [registration(str(project), "bench-register", token) for token in tokens]
    pending = [request("POST", "/v1/register", host=host, body=body) for body in bodies]
    ours = (await drive(host, lambda: pending.pop() if pending else None, connections=CONNECTIONS, seconds=120)).only(
        201
    )
    return at_least(
        "registrations / Argon2id verifications on two cores",
        ours=ours.per_second,
        floor=floor,
        target=0.7,
        unit="/s",
        note=f"p99 {ours.quantile(0.99) * 1000:.0f} ms",
    )


async def _verifications() -> float:
    hasher = Argon2idHasher()
    plaintext = SecretStr("psb_bench")
    stored = await hasher.hash(plaintext)
    deadline, done = time.perf_counter() + SECONDS, 0

    async def verify() -> int:
        count = 0
        while time.perf_counter() < deadline:
            assert await hasher.verify(plaintext, stored)
            count += 1
        return count

    started = time.perf_counter()
    done = sum(await asyncio.gather(verify(), verify()))
    hasher.close()
    return done / (time.perf_counter() - started)
