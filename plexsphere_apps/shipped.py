"""The files of `sql/` that travel with the distribution."""

from pathlib import Path

import plexsphere_apps


def sql_directory() -> Path:
    """`sql/` as installed with the package, or that of the source tree."""
    package = Path(plexsphere_apps.__file__).parent
    installed = package / "sql"
    return installed if installed.is_dir() else package.parent / "sql"


def authz_schema() -> str:
    """The text of `sql/authz/schema.zed`."""
    return (sql_directory() / "authz" / "schema.zed").read_text(encoding="utf-8")
