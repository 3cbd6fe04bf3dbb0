"""Where every command begins. Only the standard library is imported here.

`pip install plexsphere` brings the domain as a library, and the commands with it, but not what they run on: a command
then says in one line how to get it.
"""

import sys
from importlib import import_module
from typing import Final

EXIT_ERROR: Final = 1

OURS: Final = ("plexsphere_apps", "plexsphere_adapters", "plexsphere_domain")


def bootstrap() -> int | None:
    return run("plexsphere-bootstrap", "plexsphere_apps.bootstrap.main", "server")


def core() -> int | None:
    return run("plexsphere-core", "plexsphere_apps.core.main", "server")


def migrate() -> int | None:
    return run("plexsphere-migrate", "plexsphere_apps.migrate.main", "server")


def signer() -> int | None:
    return run("plexsphere-signer", "plexsphere_apps.signer.main", "server")


def simulator() -> int | None:
    return run("plexsphere-sim", "plexsphere_apps.simulator.main", "server")


def up() -> int | None:
    return run("plexsphere-up", "plexsphere_apps.embedded.main", "server", "embedded")


def run(command: str, module: str, *extras: str) -> int | None:
    """The exit code that `module.main` returns; that of an error where an extra is not installed."""
    try:
        main = import_module(module).main
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] in {*OURS, *sys.stdlib_module_names}:
            raise
        needed = f"the {' and '.join(extras)} extra{'s' if len(extras) > 1 else ''}"
        sys.stderr.write(f"{command} needs {needed}: pip install 'plexsphere[{','.join(extras)}]'\n")
        return EXIT_ERROR
    code: int | None = main()
    return code
