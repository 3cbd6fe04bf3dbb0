"""`plexsphere-bootstrap`: prepares the stores, once or as often as you like."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from plexsphere_apps import logging, variables
from plexsphere_apps.bootstrap.compose import bootstrap
from plexsphere_apps.bootstrap.config import BootstrapConfig
from plexsphere_apps.configuration import ConfigurationError, decode
from plexsphere_apps.version_flag import HELP_FLAGS, version_flag
from plexsphere_domain.kernel.errors import Unavailable

app = typer.Typer(context_settings=HELP_FLAGS, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(
    operator_token_file: Annotated[
        Path, typer.Option(help="Where the API token of the first platform operator is put (0600), or is kept already.")
    ],
    _version: Annotated[bool, version_flag("plexsphere-bootstrap")] = False,
) -> None:
    """Prepare the stores for core: keys in OpenBao, the bucket, the schema of SpiceDB, and the first platform operator.

    Run it after plexsphere-migrate. Repeating it changes nothing, except that a lost token file is replaced: the
    operator then gets a new token, and the lost one is revoked.
    """
    logging.configure("bootstrap", "warning")
    try:
        config = decode(BootstrapConfig, os.environ, variables.ALL)
        asyncio.run(bootstrap(config, operator_token_file))
    except (ConfigurationError, Unavailable, OSError) as failure:
        typer.echo(f"plexsphere-bootstrap: {_told(failure)}", err=True)
        raise typer.Exit(1) from None


def _told(failure: Exception) -> str:
    cause = failure.__cause__
    return f"{failure} ({type(cause).__name__})" if cause else str(failure)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
