"""The command line. Exit codes: 0 done, 1 the database refused or is away, 2 the call or its environment is wrong."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from plexsphere_adapters.postgres.migrations import MigrationFailed, Migrations
from plexsphere_apps.migrate.targets import Target, TargetRefused, migrations

T = TypeVar("T")

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)

TargetOption = Annotated[Target, typer.Option("--target", help="Which database: plexsphere's own, or SpiceDB's.")]


@app.callback()
def choose(context: typer.Context, target: TargetOption = Target.CORE) -> None:
    """Bring a database's schema to this release, or back."""
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
