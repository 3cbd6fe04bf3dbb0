"""Requests that nobody thought of: every answer is one that the API description declares.

The stream of events is left out, for its answer does not end.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import frozen

from tests.e2e.client import Operator
from tests.e2e.system import System

SECONDS = 20
"""How long operators fuzz; Nodes have three operations only, and a part of it."""

NOT_HELD = ("positive_data_acceptance", "ignored_auth", "use_after_free")
"""Values are judged by the domain, beyond what a schema can say; an odd cookie beside a good bearer token is no fault;
and a bootstrap token that was revoked can still be read."""

EXPECTED = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "501"]

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "409", "413", "422", "501"]
"""
"""501 tells what a deployment does without, on purpose; 413 may come before a body is looked at."""

NODES = ("PostNodeHeartbeat", "GetNodeState", "GetNodeReachability")


@frozen
class Fuzz:
    """A run of schemathesis, with its reports and its configuration in a directory of its own."""

    system: System
    directory: Path

    def run(self, token: str, *selection: str, seconds: int, known: dict[str, str] | None = None) -> None:
        """Fail the test with what it says where it found something. `known` are the values of parameters."""
        command = (
            str(Path(sys.executable).with_name("schemathesis")),
            *("--config-file", str(self._configuration(known or {}))),
            *("run", f"{self.system.url}/v1/openapi.json", "--header", f"Authorization: Bearer {token}"),
            *("--checks", "all", "--exclude-checks", ",".join(NOT_HELD)),
            *("--seed", "1", "--max-time", str(seconds), "--request-timeout", "20", "--no-color"),
            *("--suppress-health-check", "all", "--continue-on-failure", "--generation-database", "none"),
            *selection,
        )
        run = subprocess.run(command, cwd=self.directory, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr

    def _configuration(self, known: dict[str, str]) -> Path:
        path = self.directory / "schemathesis.toml"
        parameters = "".join(f"{json.dumps(name)} = {json.dumps(value)}\n" for name, value in known.items())
        path.write_text(f"{EXPECTED}\n[parameters]\n{parameters}")
        return path


@pytest.fixture
def fuzz(system: System, tmp_path: Path) -> Fuzz:
    return Fuzz(system, tmp_path)


def test_as_an_operator(fuzz: Fuzz) -> None:
    fuzz.run(fuzz.system.operator_token, "--exclude-operation-id", "GetNodeEvents", seconds=SECONDS)


async def test_as_a_node(operator: Operator, fuzz: Fuzz) -> None:
    node = await operator.node(await operator.place())
    selection = [word for name in NODES for word in ("--include-operation-id", name)]
    fuzz.run(node.bearer, *selection, seconds=SECONDS // 3, known={"path.id": node.id})
