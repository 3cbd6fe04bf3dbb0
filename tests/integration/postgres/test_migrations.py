"""Every step of sql/core can be taken back and taken again, and repeating it changes nothing."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from plexsphere_adapters.postgres.migrations import Migrations
from plexsphere_apps.embedded.ready_file import Facts
from plexsphere_apps.shipped import sql_directory
from plexsphere_domain.kernel.secrets import SecretStr

TREE = sql_directory() / "core"
STEPS = sorted(path for path in TREE.glob("*.sql") if not path.name.endswith(".rollback.sql"))

OBJECTS = """
SELECT 'column', c.table_name, c.column_name, concat_ws(' ', c.data_type, c.is_nullable, c.column_default)
  FROM information_schema.columns AS c WHERE c.table_schema = 'plexsphere'
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = to_regnamespace('plexsphere')
UNION ALL
SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'plexsphere'
UNION ALL
SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(t.oid)
  FROM pg_trigger AS t JOIN pg_class AS r ON r.oid = tgrelid
 WHERE NOT tgisinternal AND r.relnamespace = to_regnamespace('plexsphere')
UNION ALL
SELECT 'function', '', proname, pg_get_functiondef(oid)
  FROM pg_proc WHERE pronamespace = to_regnamespace('plexsphere')
UNION ALL
SELECT 'extension', '', extname, '' FROM pg_extension
UNION ALL
SELECT 'schema', '', nspname, '' FROM pg_namespace WHERE nspname = 'plexsphere'
"""

Schema = Sequence[tuple[str, ...]]


@pytest.fixture
def dsn(stores: Facts) -> Iterator[str]:
    """An empty database."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(stores.postgres_dsn, autocommit=True) as admin:
        admin.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        yield make_conninfo(stores.postgres_dsn, dbname=name)
        admin.execute(SQL("DROP DATABASE {}").format(Identifier(name)))


@pytest.fixture
def migrations(dsn: str) -> Migrations:
    return Migrations(dsn=SecretStr(dsn), directory=TREE)


def schema(dsn: str) -> Schema:
    """Everything that is in the database, in words."""
    with psycopg.connect(dsn) as connection:
        return sorted(connection.execute(OBJECTS).fetchall())


def repeat(dsn: str, steps: Sequence[Path]) -> None:
    with psycopg.connect(dsn) as connection:
        for step in steps:
            connection.execute(step.read_text())  # type: ignore[call-overload]


def rollback_of(step: Path) -> Path:
    return step.with_name(step.name.replace(".sql", ".rollback.sql"))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.stem)
def test_every_step_has_a_way_back(step: Path) -> None:
    assert rollback_of(step).read_text().strip()


def test_steps_are_numbered_without_gaps_and_named_after_their_context() -> None:
    assert [step.name.partition(".")[0] for step in STEPS] == [f"{number:04d}" for number in range(1, len(STEPS) + 1)]


def test_each_step_back_and_forth_leaves_what_was_there(dsn: str, migrations: Migrations) -> None:
    nothing = schema(dsn)
    migrations.up()
    everything = schema(dsn)
    levels = [everything]
    while migrations.status().applied:
        assert len(migrations.down(1)) == 1
        levels.append(schema(dsn))
    assert levels[-1] == nothing
    assert all(len(below) < len(above) for above, below in pairwise(levels))
    for taken_back in range(1, len(STEPS) + 1):
        migrations.up()
        assert schema(dsn) == everything
        migrations.down(taken_back)
        assert schema(dsn) == levels[taken_back]


def test_repeating_a_step_changes_nothing(dsn: str, migrations: Migrations) -> None:
    migrations.up()
    before = schema(dsn)
    repeat(dsn, STEPS)
    assert schema(dsn) == before


def test_repeating_a_way_back_changes_nothing(dsn: str, migrations: Migrations) -> None:
    nothing = schema(dsn)
    migrations.up()
    ways_back = [rollback_of(step) for step in reversed(STEPS)]
    repeat(dsn, ways_back)
    repeat(dsn, ways_back)
    assert schema(dsn) == nothing
