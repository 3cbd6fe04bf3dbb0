"""Schema migrations (yoyo): a tree of SQL steps, each with its rollback, recorded in the database that they change.

Replicas may migrate at the same time: yoyo's lock lets one go first, the others find nothing left to do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from attrs import frozen
from psycopg import Error as DriverError
from psycopg.conninfo import conninfo_to_dict
from yoyo import get_backend, read_migrations
from yoyo.exceptions import LockTimeout

from plexsphere_domain.kernel.secrets import SecretStr


class MigrationFailed(Exception):
    """A step did not succeed, or the database cannot be reached; what is recorded as applied is applied."""


@frozen
class Status:
    """The tree against the database: the ids of steps, in order."""

    applied: tuple[str, ...]
    pending: tuple[str, ...]


@frozen(kw_only=True)
class Migrations:
    """The migration tree in `directory`, for the database that `dsn` names."""

    dsn: SecretStr
    directory: Path

    def up(self) -> tuple[str, ...]:
        """Apply what is pending; the ids of what was applied. Raises MigrationFailed."""
        with self._backend() as backend, backend.lock():
            pending = backend.to_apply(read_migrations(str(self.directory)))
            backend.apply_migrations(pending)
            return tuple(step.id for step in pending)

    def down(self, steps: int) -> tuple[str, ...]:
        """Roll the newest `steps` steps back; the ids of what was rolled back. Raises MigrationFailed."""
        with self._backend() as backend, backend.lock():
            applied = backend.to_rollback(read_migrations(str(self.directory)))[:steps]
            backend.rollback_migrations(applied)
            return tuple(step.id for step in applied)

    def status(self) -> Status:
        """What is applied and what is not. Raises MigrationFailed."""
        with self._backend() as backend:
            tree = read_migrations(str(self.directory))
            pending = {step.id for step in backend.to_apply(tree)}
            return Status(
                applied=tuple(step.id for step in tree if step.id not in pending),
                pending=tuple(step.id for step in tree if step.id in pending),
            )

    @contextmanager
    def _backend(self) -> Iterator[Any]:
        try:
            backend = get_backend(_uri(self.dsn))
            try:
                yield backend
            finally:
                backend.connection.close()
        except (DriverError, LockTimeout, ValueError) as failure:
            raise MigrationFailed(str(failure).strip().split("\n", maxsplit=1)[0]) from failure


def _uri(dsn: SecretStr) -> str:
    """The DSN, in whichever form libpq takes, as the URI that yoyo takes.

    yoyo's own tables are pinned to `public`: a role named like a schema would otherwise look for them there.
    """
    parts = {key: str(value) for key, value in conninfo_to_dict(dsn.reveal()).items()}
    user, password = quote(parts.pop("user", ""), safe=""), quote(parts.pop("password", ""), safe="")
    host, port, database = parts.pop("host", ""), parts.pop("port", "5432"), parts.pop("dbname", "")
    if host.startswith("/"):
        parts["host"], host = host, ""
    query = urlencode({**parts, "schema": "public"})
    return f"postgresql+psycopg://{user}:{password}@{host}:{port}/{quote(database, safe='')}?{query}"
