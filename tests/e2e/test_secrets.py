"""Nothing that was secret in the whole run stands in any log, metric or probe. These tests run last."""

from pathlib import Path

import httpx

from tests.e2e.client import HANDED_OUT, Operator
from tests.e2e.system import System


async def test_no_secret_is_logged(operator: Operator, systems: list[System]) -> None:
    await operator.node(await operator.place())
    assert all(any(secret.startswith(form) for secret in HANDED_OUT) for form in ("psk_", "psb_", "nsk_"))
    for system in systems:
        logs = [*system.logs.iterdir(), *([system.output] if system.output else [])]
        assert {"core.log", "signer.log", "postgres.log", "nats.log", "openbao.log"} <= {log.name for log in logs}
        assert [(log.name, leaked) for log in logs for leaked in leaks_in(log)] == []


async def test_no_secret_is_told_by_probes_and_metrics(http: httpx.AsyncClient, systems: list[System]) -> None:
    for system in systems:
        for server in (system.facts.core_url, system.facts.signer_url):
            for path in ("/livez", "/readyz", "/metrics"):
                told = (await http.get(f"{server}{path}")).text
                assert [secret for secret in HANDED_OUT if secret in told] == []


def test_a_secret_in_a_log_would_be_found(operator: Operator, tmp_path: Path) -> None:
    log = tmp_path / "core.log"
    log.write_text("".join(f"one line\nfailed with {secret} in it\n" for secret in HANDED_OUT))
    assert len(leaks_in(log)) == len(HANDED_OUT)


def leaks_in(log: Path) -> list[str]:
    """The lines that hold a secret, as far as they can be shown."""
    text = log.read_text(errors="replace")
    found = [secret for secret in HANDED_OUT if secret in text]
    lines = [line for line in text.splitlines() if "PRIVATE KEY" in line or any(secret in line for secret in found)]
    return [line[:300] for line in lines]
