"""`GET state` of a Node in a Domain of 1,000 Nodes against a bare handler that returns the same bytes."""

import httpx

from plexsphere_apps.embedded.ready_file import Facts
from tests.bench.fleet import fleet
from tests.bench.load import drive, request
from tests.bench.report import Ratio, at_most

NODES = 1000
SECONDS = 5.0
CONNECTIONS = 8


async def run(facts: Facts, floor: str) -> Ratio:
    member = (await fleet(facts, "bench-state", "10.102.0.0/16", NODES)).members[0]
    path, headers = f"/v1/nodes/{member.id}/state", {"Authorization": f"Bearer {member.bearer}"}
    async with httpx.AsyncClient() as client:
        snapshot = (await client.get(f"{facts.core_url}{path}", headers=headers)).raise_for_status().content
        (await client.put(f"{floor}/bytes", content=snapshot)).raise_for_status()
    host = str(facts.core_url).removeprefix("http://")
    pull, bare_pull = request("GET", path, host=host, headers=headers), request("GET", "/bytes", host=host)

    bare = (await drive(floor, lambda: bare_pull, connections=CONNECTIONS, seconds=SECONDS)).only(200)
    ours = (await drive(host, lambda: pull, connections=CONNECTIONS, seconds=SECONDS)).only(200)
    return at_most(
        f"GET state among {NODES:,} Nodes / bare handler with the same {len(snapshot) // 1024} KiB",
        ours=1000 * CONNECTIONS / ours.per_second,
        floor=1000 * CONNECTIONS / bare.per_second,
        target=3,
        unit="ms",
    )
