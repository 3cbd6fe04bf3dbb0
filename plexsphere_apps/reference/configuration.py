"""docs/reference/configuration.md: every environment variable."""

from collections.abc import Mapping
from typing import Any, Final

from plexsphere_apps import variables as declared
from plexsphere_apps.configuration import Variable, variables
from plexsphere_apps.core.config import CoreConfig
from plexsphere_apps.signer.config import SignerConfig

PROCESSES: Final[Mapping[str, type[Any]]] = {"core": CoreConfig, "signer": SignerConfig}

_HEAD: Final = """\
# Configuration

plexsphere's processes are configured by environment variables. A process does not start while one of them is missing,
malformed or unknown, and says so in one line that names every such variable. An empty value counts as none.

A variable marked † holds a secret: instead of it, `<NAME>_FILE` may name a file that holds the value. Durations are
spelled as `250ms`, `30s`, `1m30s` or `2h`.

This page is generated: `python3 noxfile.py generate`.

| Variable | Read by | Value | Default | Meaning |
|---|---|---|---|---|
"""


def page() -> str:
    """The page in Markdown."""
    return _HEAD + "".join(_row(variable) for variable in sorted(declared.ALL, key=lambda variable: variable.name))


def _row(variable: Variable[Any]) -> str:
    readers = ", ".join(name for name, config in PROCESSES.items() if variable in variables(config))
    cells = (
        f"`{variable.name}`{' †' if variable.kind.secret else ''}",
        readers,
        variable.kind.form,
        _default(variable),
        variable.help,
    )
    return f"| {' | '.join(cells)} |\n"


def _default(variable: Variable[Any]) -> str:
    if variable.required:
        return "**required**"
    return f"`{variable.default}`" if variable.default else "—"
