"""The command `plexsphere-migrate`."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from plexsphere_adapters.postgres.migrations import MigrationFailed, Migrations
from plexsphere_apps.migrate.targets import (
    CORE_DSN,
    SPICEDB_DATABASE,
    SPICEDB_DSN,
    SPICEDB_PASSWORD,
    Target,
    TargetRefused,
    migrations,
)
from plexsphere_apps.version_flag import HELP_FLAGS, version_flag

T = TypeVar("T")

HELP = f"""Bring a database's schema to this release, or back.

The environment names the database:

* {CORE_DSN}: the connection string of plexsphere's own database.

* {SPICEDB_DSN} and {SPICEDB_PASSWORD}, for `--target spicedb`: the connection string of the database
  `{SPICEDB_DATABASE}`, and the password that SpiceDB's own role gets.

Exit codes: 0 done; 1 the database refused or is away; 2 the call or its environment is wrong.
"""

app = typer.Typer(
    context_settings=HELP_FLAGS,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)

TargetOption = Annotated[Target, typer.Option("--target", help="Which database: plexsphere's own, or SpiceDB's.")]


@app.callback(help=HELP)
def choose(
    context: typer.Context,
    target: TargetOption = Target.CORE,
    _version: Annotated[bool, version_flag("plexsphere-migrate")] = False,
) -> None:
    context.obj = target


@app.command()
def up(context: typer.Context) -> None:
    """Apply every pending step."""
    applied = _run(context, Migrations.up)
    out.print(f"{context.obj.value}: applied {', '.join(applied)}" if applied else f"{context.obj.value}: up to date")


@app.command()
def down(
    context: typer.Context,
    steps: Annotated[int, typer.Option(min=1, help="How many steps, newest first.")] = 1,
) -> None:
    """Roll back the newest steps. What they held is lost."""
    rolled_back = _run(context, lambda tree: tree.down(steps))
    out.print(f"{context.obj.value}: rolled back {', '.join(rolled_back) or 'nothing'}")


@app.command()
def status(context: typer.Context) -> None:
    """Show every step and whether it is applied."""
    found = _run(context, Migrations.status)
    for step in found.applied:
        out.print(f"applied  {step}")
    for step in found.pending:
        out.print(f"pending  {step}")


@app.command()
def version(context: typer.Context) -> None:
    """Show the newest applied step."""
    found = _run(context, Migrations.status)
    out.print(found.applied[-1] if found.applied else "none")


def _run(context: typer.Context, act: Callable[[Migrations], T]) -> T:
    try:
        return act(migrations(context.obj))
    except TargetRefused as refusal:
        err.print(f"plexsphere-migrate: {refusal}")
        raise typer.Exit(2) from refusal
    except MigrationFailed as failure:
        err.print(f"plexsphere-migrate: {failure}")
        raise typer.Exit(1) from failure


def main() -> None:
    app()


if __name__ == "__main__":
    main()
