"""The databases that can be migrated, and what each demands before anything is touched.

`core` is plexsphere's own database. `spicedb` prepares a database for SpiceDB's PostgreSQL datastore: a role of its
own, and nothing for anybody else. Because that tree takes rights away from everybody, it refuses to run where it
might hit the wrong database.
"""

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from attrs import frozen

from plexsphere_adapters.postgres.migrations import Migrations
from plexsphere_adapters.postgres.pool import Addressed
from plexsphere_apps.shipped import sql_directory
from plexsphere_domain.kernel.secrets import SecretStr

CORE_DSN = "PLEXSPHERE_POSTGRES_DSN"
SPICEDB_DSN = "PLEXSPHERE_SPICEDB_POSTGRES_DSN"
SPICEDB_PASSWORD = "SPICEDB_ROLE_PASSWORD"  # noqa: S105 — the name of a variable
SPICEDB_DATABASE = "spicedb"


class Target(StrEnum):
    CORE = "core"
    SPICEDB = "spicedb"


@frozen
class TargetRefused(Exception):
    """The environment does not say safely what to migrate."""

    why: str

    def __str__(self) -> str:
        return self.why


def migrations(target: Target, environ: Mapping[str, str] = os.environ) -> Migrations:
    """The target's tree and database. Raises TargetRefused."""
    match target:
        case Target.CORE:
            return Migrations(dsn=_dsn(environ, CORE_DSN), directory=_tree(target))
        case Target.SPICEDB:
            dsn = _dsn(environ, SPICEDB_DSN)
            _suits_spicedb(dsn, environ)
            return Migrations(dsn=dsn, directory=_tree(target))


def _tree(target: Target) -> Path:
    return sql_directory() / target.value


def _dsn(environ: Mapping[str, str], name: str) -> SecretStr:
    dsn = environ.get(name, "")
    if not dsn:
        raise TargetRefused(f"{name} is not set: it names the database to migrate")
    try:
        Addressed.by(SecretStr(dsn))
    except ValueError as fault:
        raise TargetRefused(f"{name} is no DSN that PostgreSQL understands") from fault
    return SecretStr(dsn)


def _suits_spicedb(dsn: SecretStr, environ: Mapping[str, str]) -> None:
    addressed = Addressed.by(dsn)
    if addressed.database != SPICEDB_DATABASE:
        raise TargetRefused(
            f"{SPICEDB_DSN} names the database {addressed.database!r}; this tree only runs on {SPICEDB_DATABASE!r}"
        )
    if not addressed.with_password:
        raise TargetRefused(f"{SPICEDB_DSN} holds no password")
    if not environ.get(SPICEDB_PASSWORD):
        raise TargetRefused(f"{SPICEDB_PASSWORD} is not set: it becomes the password of SpiceDB's own role")
