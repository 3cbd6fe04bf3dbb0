"""Where the SQL of a release is: packed into the wheel, or at the root of a checkout."""

from pathlib import Path

_PACKED = Path(__file__).with_name("sql")
_CHECKOUT = Path(__file__).parent.parent / "sql"


def sql(*parts: str) -> Path:
    """The file or directory `sql/<parts>`."""
    return (_PACKED if _PACKED.is_dir() else _CHECKOUT).joinpath(*parts)
