"""What holds for every file of the source."""

import ast
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.architecture.source import PACKAGES, ROOT, SOURCE, at, calls, files, functions, imports, tree
from tests.wording import UNSAID

LONGEST_FILE = 450
LONGEST_FUNCTION = 60

COMPOSITION_ROOTS = {"plexsphere_apps/core/compose.py": 130}
"""Functions that list what a process consists of, from top to bottom, and the lines that they may take for it."""

PASSED_OVER = {"plexsphere_domain/audit/sequencer.py"}
"""Files that pass over a fault because it is met again elsewhere and reported there; they say so where they do."""

EVERYTHING = {"Exception", "BaseException"}
UNASKED = re.compile(r"(datetime\.)?(datetime\.(now|utcnow|today)|date\.today)|(uuid\.)?uuid[1-8]|open|input")
TEXTS = (*PACKAGES, "sql", "tests", "docs", "charts", ".ci")
TEXT = {".py", ".md", ".sql", ".zed", ".toml", ".txt", ".json", ".yaml", ".proto"}
MACHINERY = {"io", "os", "pathlib", "random", "secrets", "shutil", "socket", "subprocess", "tempfile", "time"}


def where(holds: Callable[[ast.AST], bool], paths: Iterable[Path] = SOURCE) -> list[str]:
    """The places of the syntax for which `holds`."""
    return [at(path, getattr(node, "lineno", 0)) for path in paths for node in ast.walk(tree(path)) if holds(node)]


def test_a_module_says_what_it_is():
    assert [at(path, 1) for path in SOURCE if not ast.get_docstring(tree(path))] == []


def test_a_file_is_short_enough_to_be_read():
    lengths = {at(path, 1): len(path.read_text().splitlines()) for path in SOURCE}
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_a_function_fits_a_screen():
    too_long = []
    for path in SOURCE:
        longest = COMPOSITION_ROOTS.get(str(path.relative_to(ROOT)), LONGEST_FUNCTION)
        for function in functions(path):
            if (function.end_lineno or 0) - function.lineno >= longest:
                too_long.append(f"{function.name} at {at(path, function.lineno)}")
    assert too_long == []


def test_nothing_is_printed():
    assert where(lambda node: isinstance(node, ast.Call) and ast.unparse(node.func) == "print") == []


def test_nothing_that_is_declared_is_missing():
    assert where(lambda node: isinstance(node, ast.Name) and node.id == "NotImplementedError") == []


def test_no_fault_is_passed_over():
    def passes_over(node: ast.AST) -> bool:
        match node:
            case ast.ExceptHandler(type=caught, body=[ast.Pass() | ast.Continue()]):
                return caught is None or ast.unparse(caught) in EVERYTHING
            case ast.Call(func=ast.Name(id="suppress")):
                return any(ast.unparse(suppressed) in EVERYTHING for suppressed in node.args)
        return False

    reporting = [path for path in SOURCE if str(path.relative_to(ROOT)) not in PASSED_OVER]
    assert where(passes_over, reporting) == []


def test_no_file_tells_of_plans_or_of_where_it_was_written():
    texts = [*ROOT.glob("*.*"), *(each for folder in TEXTS for each in (ROOT / folder).rglob("*.*"))]
    files = [path for path in texts if path.suffix in TEXT and "assets" not in path.parts]
    assert [at(path, 1) for path in files if UNSAID.search(path.read_text())] == []


def test_the_domain_asks_for_time_and_ids():
    domain = files("plexsphere_domain")
    assert [at(path, line) for path in domain for call, line in calls(path) if UNASKED.fullmatch(call)] == []


def test_the_domain_touches_no_machine():
    touched = {at(path, 1): imports(path) & MACHINERY for path in files("plexsphere_domain")}
    assert {path: modules for path, modules in touched.items() if modules} == {}
