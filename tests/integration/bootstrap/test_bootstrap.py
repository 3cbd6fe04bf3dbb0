"""plexsphere-bootstrap on real stores: run twice, run beside itself, run after a loss."""

import asyncio
import os
import stat
import sys
from pathlib import Path
from secrets import token_hex
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from plexsphere_adapters.crypto.argon2 import Argon2idHasher
from plexsphere_adapters.openbao.client import Config, OpenBao
from plexsphere_adapters.openbao.keys import CURSOR_KEYS, WRAP_KEYS, KeyRing
from plexsphere_adapters.postgres import pool as pools
from plexsphere_adapters.postgres.api_tokens import PostgresApiTokenLookup
from plexsphere_adapters.s3 import blobs as s3
from plexsphere_adapters.system import SystemClock
from plexsphere_domain.identity.api_tokens.errors import ApiTokenRefused
from plexsphere_domain.identity.api_tokens.service import ApiTokenAuthentication
from plexsphere_domain.kernel.secrets import SecretStr
from tests.integration.postgres.conftest import dsn_of, migrate


@pytest.fixture
def dsn(stores):
    """A migrated database of the test's own."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(stores.postgres_dsn, autocommit=True) as admin:
        admin.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        own = dsn_of(stores.postgres_dsn, name)
        migrate(own)
        yield own
        admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture
def environment(stores, dsn):
    return {
        "PATH": os.environ["PATH"],
        "PLEXSPHERE_POSTGRES_DSN": dsn,
        "PLEXSPHERE_OPENBAO_ADDR": stores.openbao_addr,
        "PLEXSPHERE_OPENBAO_TOKEN": stores.openbao_token,
        "PLEXSPHERE_S3_ENDPOINT": stores.s3_endpoint,
        "PLEXSPHERE_S3_ACCESS_KEY": stores.s3_access_key,
        "PLEXSPHERE_S3_SECRET_KEY": stores.s3_secret_key,
        "PLEXSPHERE_S3_BUCKET": f"test-{token_hex(6)}",
        "PLEXSPHERE_SPICEDB_ENDPOINT": stores.spicedb_endpoint,
        "PLEXSPHERE_SPICEDB_KEY": stores.spicedb_key,
    }


async def run(environment: dict[str, str], path: Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "plexsphere_apps.bootstrap.main", "--operator-token-file", str(path),
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


def rows(dsn: str, statement: str) -> list[dict[str, object]]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(statement).fetchall()


async def principal_of(dsn: str, path: Path):
    """Whom the token in the file acts as; raises ApiTokenRefused where it does not work."""
    presented = SecretStr(path.read_text().strip())  # noqa: ASYNC240 — a line of a local file
    async with pools.pool(pools.Config(dsn=SecretStr(dsn))) as opened:
        hasher = Argon2idHasher()
        authentication = ApiTokenAuthentication(PostgresApiTokenLookup(opened), hasher, SystemClock())
        caller = await authentication.authenticate(presented)
        hasher.close()
        return caller.principal


async def test_the_first_run_prepares_everything(environment, stores, dsn, tmp_path):
    path = tmp_path / "secrets" / "operator-token"
    code, output = await run(environment, path)

    assert (code, output) == (0, "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    operator = await principal_of(dsn, path)
    openbao = OpenBao(Config(address=stores.openbao_addr, token=lambda: SecretStr(stores.openbao_token)))
    assert (await KeyRing(openbao, WRAP_KEYS).current()).id
    assert (await KeyRing(openbao, CURSOR_KEYS).current()).id
    openbao.close()
    config = s3.Config(
        endpoint=stores.s3_endpoint,
        access_key=stores.s3_access_key,
        secret_key=SecretStr(stores.s3_secret_key),
        bucket=environment["PLEXSPHERE_S3_BUCKET"],
    )
    async with s3.connect(config) as blobs:
        await blobs.check()
    (appointed,) = rows(dsn, "SELECT type, domain_id, payload FROM plexsphere.outbox")
    assert appointed["type"] == "PlatformOperatorAppointed"
    assert appointed["payload"]["operator"] == {"kind": "user", "id": str(operator.id)}
    audited = rows(dsn, "SELECT relation FROM plexsphere.audit_intake ORDER BY relation")
    assert [row["relation"] for row in audited] == ["api_token.issue", "platform.appoint_operator"]


async def test_a_repetition_changes_nothing(environment, dsn, tmp_path):
    path = tmp_path / "operator-token"
    await run(environment, path)
    before, stored = path.read_text(), rows(dsn, "SELECT * FROM plexsphere.api_tokens")
    code, _ = await run(environment, path)

    assert code == 0
    assert path.read_text() == before
    assert rows(dsn, "SELECT * FROM plexsphere.api_tokens") == stored
    assert len(rows(dsn, "SELECT 1 FROM plexsphere.outbox")) == 1


@pytest.mark.parametrize("loss", ["file", "content"])
async def test_a_lost_token_is_replaced_and_stops_working(environment, dsn, tmp_path, loss):
    path, kept = tmp_path / "operator-token", tmp_path / "kept"
    await run(environment, path)
    operator = await principal_of(dsn, path)
    kept.write_text(path.read_text())
    path.unlink() if loss == "file" else path.write_text("garbage")
    await run(environment, path)

    assert await principal_of(dsn, path) == operator
    with pytest.raises(ApiTokenRefused):
        await principal_of(dsn, kept)
    assert len(rows(dsn, "SELECT 1 FROM plexsphere.outbox")) == 1


async def test_two_at_a_time_leave_one_working_token(environment, dsn, tmp_path):
    path = tmp_path / "operator-token"
    outcomes = await asyncio.gather(*(run(environment, path) for _ in range(2)))
    working = rows(dsn, "SELECT 1 FROM plexsphere.api_tokens WHERE revoked_at IS NULL")

    assert [code for code, _ in outcomes] == [0, 0]
    assert len(working) == 1
    assert await principal_of(dsn, path)
    assert len(rows(dsn, "SELECT 1 FROM plexsphere.api_tokens")) == 1


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PLEXSPHERE_OPENBAO_ADDR", "http://127.0.0.1:1", "the secret store is unreachable"),
        ("PLEXSPHERE_S3_SECRET_KEY", "wrong", "the blob store is unreachable"),
        ("PLEXSPHERE_OPENBAO_ADDR", "", "PLEXSPHERE_OPENBAO_ADDR is not set"),
        ("PLEXSPHERE_NOT_KNOWN", "1", "PLEXSPHERE_NOT_KNOWN"),
    ],
)
async def test_what_is_missing_is_said_in_one_line(environment, tmp_path, variable, value, said):
    code, output = await run({**environment, variable: value}, tmp_path / "operator-token")

    assert code == 1
    assert said in output
    assert output.count("\n") == 1


async def test_a_database_that_was_not_migrated_is_said_so(environment, dsn, tmp_path):
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA plexsphere CASCADE")
    code, output = await run(environment, tmp_path / "operator-token")

    assert code == 1
    assert "plexsphere-migrate" in output
