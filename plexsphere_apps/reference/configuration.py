"""docs/reference/configuration.md: every environment variable."""

from collections.abc import Mapping
from typing import Any, Final

from plexsphere_apps import variables as declared
from plexsphere_apps.bootstrap.config import BootstrapConfig
from plexsphere_apps.configuration import Variable, variables
from plexsphere_apps.core.config import CoreConfig
from plexsphere_apps.migrate import targets
from plexsphere_apps.signer.config import SignerConfig

PROCESSES: Final[Mapping[str, type[Any]]] = {
    "core": CoreConfig,
    "signer": SignerConfig,
    "bootstrap": BootstrapConfig,
}

MIGRATIONS: Final[Mapping[str, str]] = {
    targets.CORE_DSN: (
        "`--target core`, the default: the database of plexsphere, as a role that may create schemas and the extension "
        "`btree_gist` in it"
    ),
    targets.SPICEDB_DSN: (
        f"`--target spicedb`: the database of SpiceDB, whose name is `{targets.SPICEDB_DATABASE}`, as a role that owns "
        "it and may create roles; with a password in the string"
    ),
    targets.SPICEDB_PASSWORD: (
        "`--target spicedb`: becomes the password of the role `spicedb`, as which SpiceDB is to connect"
    ),
}
"""What plexsphere-migrate reads, and for which target."""

_HEAD: Final = """\
# Configuration

plexsphere's processes are configured by environment variables. An empty value counts as none.

**core**, **signer** and **bootstrap** do not start while a variable that they read is missing or malformed, or while a
variable of the environment begins with `PLEXSPHERE_` and is not in the first table; they say so in one line that names
every such variable. Those of the table that they do not read may be set, and so may the names that Kubernetes gives a
Pod for the Services beside it. **migrate** looks at [its own variables](#plexsphere-migrate) only. **sim** reads none,
and **up** hands on [what it was given](embedded-system.md#the-environment-of-the-launcher).

A variable marked † holds a secret: instead of it, `<NAME>_FILE` may name a file that holds the value. Durations are
spelled as `250ms`, `30s`, `1m30s` or `2h`.

This page is generated: `python3 noxfile.py generate`.

| Variable | Read by | Value | Default | Meaning |
|---|---|---|---|---|
"""

_MIGRATE: Final = """
## plexsphere-migrate

Each is required for its target and is given as it is: migrate reads no `<NAME>_FILE`. A connection string is a URL
(`postgresql://…`) or words (`host=… dbname=…`). Give the second one to migrate alone: it is not in the table above, so
the other processes refuse it.

| Variable | For |
|---|---|
"""


def page() -> str:
    """The page in Markdown."""
    ordered = sorted(declared.ALL, key=lambda variable: variable.name)
    return _HEAD + "".join(map(_row, ordered)) + _migrations()


def _row(variable: Variable[Any]) -> str:
    readers = [name for name, config in PROCESSES.items() if variable in variables(config)]
    if variable.name in MIGRATIONS:
        readers.append("migrate")
    cells = (
        f"`{variable.name}`{' †' if variable.kind.secret else ''}",
        ", ".join(readers),
        variable.kind.form,
        _default(variable),
        variable.help,
    )
    return f"| {' | '.join(cells)} |\n"


def _migrations() -> str:
    return _MIGRATE + "".join(f"| `{name}` | {use} |\n" for name, use in MIGRATIONS.items())


def _default(variable: Variable[Any]) -> str:
    if variable.required:
        return "**required**"
    return f"`{variable.default}`" if variable.default else "—"
