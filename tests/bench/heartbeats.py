"""Authenticated heartbeats against a bare handler that does one UPDATE."""

import base64
import itertools
import json
from datetime import UTC, datetime

from plexsphere_apps.embedded.ready_file import Facts
from tests.bench.fleet import fleet
from tests.bench.floors import ROWS
from tests.bench.load import drive, request
from tests.bench.report import Ratio, at_least

CONNECTIONS = 64
SECONDS = 6.0
NODES = 64


async def run(facts: Facts, floor: str) -> Ratio:
    members = (await fleet(facts, "bench-heartbeats", "10.101.0.0/16", NODES)).members
    host = str(facts.core_url).removeprefix("http://")
    turn = itertools.cycle(members)

    def heartbeat() -> bytes:
        member = next(turn)
        body = {
            "client_now": datetime.now(UTC).isoformat(),
            "binary_checksum": base64.b64encode(bytes(32)).decode(),
            "binary_version": "bench",
            "nat_summary": {},
        }
        headers = {"Authorization": f"Bearer {member.bearer}"}
        path = f"/v1/nodes/{member.id}/heartbeat"
        return request("POST", path, host=host, headers=headers, body=json.dumps(body).encode())

    rows = itertools.cycle(range(ROWS))

    def update() -> bytes:
        return request("POST", "/update", host=host, body=json.dumps({"id": next(rows)}).encode())

    await drive(host, heartbeat, connections=CONNECTIONS, seconds=1)
    bare = (await drive(floor, update, connections=CONNECTIONS, seconds=SECONDS)).only(200)
    ours = (await drive(host, heartbeat, connections=CONNECTIONS, seconds=SECONDS)).only(200)
    return at_least(
        "authenticated heartbeats / bare handler with one UPDATE",
        ours=ours.per_second,
        floor=bare.per_second,
        target=0.6,
        unit="/s",
        note=f"p99 {ours.quantile(0.99) * 1000:.1f} ms, floor {bare.quantile(0.99) * 1000:.1f} ms",
    )
