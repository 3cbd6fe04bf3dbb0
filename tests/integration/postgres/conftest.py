"""A database of its own, migrated, for the tests of the PostgreSQL adapter."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from plexsphere_adapters.postgres import pool as pools
from plexsphere_adapters.postgres.migrations import Migrations
from plexsphere_adapters.postgres.pool import Config, Pool
from plexsphere_apps.embedded.ready_file import Facts
from plexsphere_apps.shipped import sql_directory
from plexsphere_domain.kernel.secrets import SecretStr


@pytest.fixture(scope="session")
def database(stores: Facts) -> Iterator[Config]:
    """An empty database with the whole core schema, dropped at the end."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(stores.postgres_dsn, autocommit=True) as admin:
        admin.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        dsn = dsn_of(stores.postgres_dsn, name)
        migrate(dsn)
        yield Config(dsn=SecretStr(dsn))
        admin.execute(SQL("DROP DATABASE {}").format(Identifier(name)))


@pytest.fixture(scope="session")
async def pool(database: Config) -> AsyncIterator[Pool]:
    async with pools.pool(database) as opened:
        yield opened


def dsn_of(dsn: str, database: str) -> str:
    """The DSN of another database on the same server."""
    parts = conninfo_to_dict(dsn)
    return f"postgresql://{parts['user']}:{parts['password']}@{parts['host']}:{parts['port']}/{database}"


def migrate(dsn: str) -> None:
    """Bring the database to this version."""
    Migrations(dsn=SecretStr(dsn), directory=sql_directory() / "core").up()
