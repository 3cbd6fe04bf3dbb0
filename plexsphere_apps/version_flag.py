"""`--version` and `-h` of the commands that are made with typer, as the servers have them."""

from typing import Any, Final

import typer

from plexsphere_adapters.system.build import build

HELP_FLAGS: Final[dict[str, Any]] = {"help_option_names": ["-h", "--help"]}
"""`context_settings` of an application."""


def version_flag(command: str) -> Any:
    """The option `--version` of `command`: prints what is running, and exits."""

    def show(asked: bool) -> None:
        if asked:
            typer.echo(f"{command} {build()}")
            raise typer.Exit

    return typer.Option("--version", callback=show, is_eager=True, help="Print the version and exit.")
