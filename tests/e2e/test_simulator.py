"""`plexsphere-sim` against the real system: what the demonstration, the benchmark and operators run."""

import asyncio
import json
import sys
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from tests.e2e.system import System


@pytest.fixture
def arguments(system: System, tmp_path: Path) -> list[str]:
    token = tmp_path / "operator-token"
    token.write_text(system.operator_token)
    slug = f"sim-{token_hex(3)}"
    return ["--core-url", system.url, "--operator-token-file", str(token), "--domain", slug, "--nodes", "4"]


async def simulate(*arguments: str) -> dict[str, Any]:
    """The report of a run that ended well."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "plexsphere_apps.simulator.main", *arguments, "--json", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    report: dict[str, Any] = json.loads(output)
    return report


async def test_agents_see_no_violation_not_even_when_they_cut_their_own_streams(arguments: list[str]):
    report = await simulate(*arguments, "--duration", "5", "--stream-lifetime", "1")

    assert (report["enrolled"], report["streaming"], report["heard"]) == (4, 4, 4)
    assert report["counts"]["events 200"] > 8
    assert report["events"] >= 6


async def test_kept_identities_enrol_once(arguments: list[str], tmp_path: Path):
    kept = ["--state-dir", str(tmp_path / "agents"), "--resource-prefix", "kept", "--duration", "1"]
    first = await simulate(*arguments, *kept)
    second = await simulate(*arguments, *kept)

    assert first["counts"]["register 201"] == 4
    assert "register 201" not in second["counts"]
    assert second["heard"] == 4


async def test_a_demonstration_tells_what_changes_until_it_is_stopped(arguments: list[str]):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "plexsphere_apps.simulator.main", *arguments, "--demo", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    told: dict[str, dict[str, Any]] = {}
    async with asyncio.timeout(60):
        while len(told) < 4 or not any(line["events"] for line in told.values()):
            line = json.loads(await process.stdout.readline())
            told[line["name"]] = line
    process.terminate()
    await process.communicate()

    assert process.returncode == 0
    assert sorted(told) == ["node-01", "node-02", "node-03", "node-04"]
    assert {"node_id", "name", "mesh_ip", "reachability", "last_event", "events"} == told["node-01"].keys()
