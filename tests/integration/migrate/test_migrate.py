"""plexsphere-migrate: its commands, its exit codes, and what it refuses to touch."""

import os
import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from plexsphere_apps.embedded.ready_file import Facts

DONE, REFUSED, WRONG_CALL = 0, 1, 2
PASSWORD = "correct-horse"


def migrate(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "plexsphere_apps.migrate.main", *arguments]
    return subprocess.run(command, env={"PATH": os.environ["PATH"], **environ}, capture_output=True, text=True)


@pytest.fixture
def dsn(stores: Facts) -> Iterator[str]:
    """An empty database."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(stores.postgres_dsn, autocommit=True) as admin:
        admin.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        yield make_conninfo(stores.postgres_dsn, dbname=name)
        admin.execute(SQL("DROP DATABASE {}").format(Identifier(name)))


@pytest.fixture
def spicedb_dsn(stores: Facts) -> Iterator[str]:
    """A database with the one name that SpiceDB's tree runs on."""
    with psycopg.connect(stores.postgres_dsn, autocommit=True) as admin:
        admin.execute("CREATE DATABASE spicedb")
        yield make_conninfo(stores.postgres_dsn, dbname="spicedb")
        admin.execute("DROP DATABASE spicedb")
        admin.execute("DROP ROLE IF EXISTS spicedb")


def test_up_status_version_and_down(dsn: str):
    environ = {"PLEXSPHERE_POSTGRES_DSN": dsn}
    assert migrate("version", **environ).stdout == "none\n"
    up = migrate("up", **environ)
    assert (up.returncode, "0001.foundation" in up.stdout) == (DONE, True)
    assert migrate("up", **environ).stdout == "core: up to date\n"
    status = migrate("status", **environ).stdout.splitlines()
    assert status
    assert all(line.startswith("applied") for line in status)
    newest = status[-1].split()[-1]
    assert migrate("version", **environ).stdout == f"{newest}\n"
    down = migrate("down", **environ)
    assert (down.returncode, down.stdout) == (DONE, f"core: rolled back {newest}\n")
    assert migrate("status", **environ).stdout.splitlines()[-1] == f"pending  {newest}"


def test_a_database_that_is_away_is_1(stores: Facts):
    away = make_conninfo(stores.postgres_dsn, port="1")
    done = migrate("up", PLEXSPHERE_POSTGRES_DSN=away)
    assert done.returncode == REFUSED
    assert conninfo_to_dict(stores.postgres_dsn)["password"] not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({}, "PLEXSPHERE_POSTGRES_DSN is not set"),
        ({"PLEXSPHERE_POSTGRES_DSN": "the one beside me"}, "no DSN"),
    ],
)
def test_a_core_that_is_not_named_is_2(environ: dict[str, str], why: str):
    done = migrate("up", **environ)
    assert (done.returncode, why in done.stderr) == (WRONG_CALL, True)


@pytest.mark.parametrize(
    ("dsn", "password", "why"),
    [
        ("", PASSWORD, "PLEXSPHERE_SPICEDB_POSTGRES_DSN is not set"),
        ("postgres://u:p@127.0.0.1:1/plexsphere", PASSWORD, "only runs on 'spicedb'"),
        ("postgres://u@127.0.0.1:1/spicedb", PASSWORD, "holds no password"),
        ("postgres://u:p@127.0.0.1:1/spicedb", "", "SPICEDB_ROLE_PASSWORD is not set"),
    ],
)
def test_a_spicedb_that_is_not_named_safely_is_2(dsn: str, password: str, why: str):
    done = migrate("--target", "spicedb", "up", PLEXSPHERE_SPICEDB_POSTGRES_DSN=dsn, SPICEDB_ROLE_PASSWORD=password)
    assert (done.returncode, why in done.stderr) == (WRONG_CALL, True), done.stderr


def test_spicedb_gets_a_role_of_its_own_and_nobody_else_anything(stores: Facts, spicedb_dsn: str):
    environ = {"PLEXSPHERE_SPICEDB_POSTGRES_DSN": spicedb_dsn, "SPICEDB_ROLE_PASSWORD": PASSWORD}
    assert migrate("--target", "spicedb", "up", **environ).returncode == DONE
    own = make_conninfo(spicedb_dsn, user="spicedb", password=PASSWORD)
    with psycopg.connect(own) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        everybody = connection.execute(
            "SELECT coalesce(datacl::text, 'default') FROM pg_database WHERE datname = 'spicedb'"
        ).fetchone()
        connection.execute("DROP TABLE kept")
    assert everybody is not None
    assert "default" not in everybody[0]
    assert "{=" not in everybody[0]
    assert ",=" not in everybody[0]
    assert migrate("--target", "spicedb", "down", **environ).returncode == DONE
