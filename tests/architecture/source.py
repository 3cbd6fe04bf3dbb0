"""The project's own source, as trees."""

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("plexsphere_domain", "plexsphere_adapters", "plexsphere_apps")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _is_generated(path: Path) -> bool:
    return path.stem.endswith(("_pb2", "_pb2_grpc"))


@cache
def files(package: str) -> Sequence[Path]:
    """The modules of a package that people write."""
    return [path for path in sorted((ROOT / package).rglob("*.py")) if not _is_generated(path)]


SOURCE: Sequence[Path] = [path for package in PACKAGES for path in files(package)]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def calls(path: Path) -> Iterator[tuple[str, int]]:
    """What is called, as it is spelled, and where."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


def imports(path: Path) -> set[str]:
    """The top-level packages that are imported."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found.update(each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def at(path: Path, line: int) -> str:
    """A place in the source, for people."""
    return f"{path.relative_to(ROOT)}:{line}"
