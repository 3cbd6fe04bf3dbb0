import json
import subprocess
import sys

import pytest

from plexsphere_apps.logging import redact

SECRET = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"


@pytest.mark.parametrize(
    "text",
    [
        f"psk_dev_abcdefghijklmnopqrstuvwxyz_{SECRET}",
        f"psb_prod_abcdefghij234567_node_{SECRET}",
        f"nsk_plexd_{SECRET}bbbb_-bbbbbbbbbbbbb",
        f"token hvs.{SECRET} of OpenBao",
        f"token s.{SECRET} of OpenBao",
        f"postgresql://plexsphere:{SECRET}@db:5432/plexsphere",
        f"nats://user:{SECRET}@nats:4222",
        f"host=db user=plexsphere password={SECRET} dbname=x",
        f"host=db password='{SECRET} x' dbname=x",
        f'{{"authorization": "Bearer {SECRET}"}}',
        f"-----BEGIN PRIVATE KEY-----\\n{SECRET}\\n-----END PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_secret_is_not_written(text: str) -> None:
    assert "bbbb" not in redact(text)
    assert "***" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "psk_not_ready",
        "psk_delivery_not_provisioned",
        "nsk_node_mismatch",
        "nsk_invalid",
        "https://plexsphere.example:8443/v1/nodes",
        "postgresql://db:5432/plexsphere",
        "the password is wrong",
        '{"event": "s.o.s"}',
    ],
)
def test_what_is_none_stays(text: str) -> None:
    assert redact(text) == text


PROGRAM = f"""
import logging as standard
import structlog
from plexsphere_apps import logging
log = structlog.get_logger("program")
logging.configure("core", "info")
structlog.contextvars.bind_contextvars(correlation_id="c-1")
log.info("first", count=1, dsn="postgres://u:{SECRET}@db")
log.debug("unseen")
standard.getLogger("library").warning("second %s", "psk_dev_abcdefghijklmnopqrstuvwxyz_{SECRET}", extra={{"n": 2}})
standard.getLogger("httpx").info("unseen")
structlog.contextvars.clear_contextvars()
try:
    raise ValueError("password={SECRET}")
except ValueError:
    log.exception("third")
"""


def test_every_line_is_json_with_service_and_correlation_id() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert run.stdout == ""
    assert "bbbb" not in run.stderr
    first, second, third = (json.loads(line) for line in run.stderr.splitlines())
    assert (first["event"], first["service"], first["level"], first["count"]) == ("first", "core", "info", 1)
    assert first["correlation_id"] == second["correlation_id"] == "c-1"
    assert first["time"].endswith("Z")
    assert (second["service"], second["level"], second["logger"], second["n"]) == ("core", "warning", "library", 2)
    assert "correlation_id" not in third
    assert "ValueError" in third["exception"]
