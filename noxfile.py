"""Every task of the project: `python3 noxfile.py SESSION [-- ARGUMENT…]`, with nothing installed but Python ≥ 3.11.

    up        the whole system on this machine, with a demonstration, until Ctrl-C
    tests     everything CI checks: lint, then all tests
    lint      ruff, mypy, the rules of who may import whom
    bench     the benchmarks, as ratios to floors measured in the same run
    generate  what is made from other files: the modules of signer.proto, pages of the reference

All sessions run in one environment under `.cache/`, which this file makes, with nox in it, and which it makes anew
when what it was made from has changed. Those who have nox may as well say `nox --session SESSION`.
"""

import hashlib
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOME = HERE / ".cache" / f"python-{sys.version_info.major}.{sys.version_info.minor}"
PROGRAMS = HOME / "bin"
CONSTRAINTS = HERE / "constraints.txt"
EXTRAS = "server,embedded,dev"
DEMO_NODES = 5


def environment() -> Path:
    """The directory of the environment's programs; the environment is made, or made anew, as needed."""
    made = HOME / "made-from"
    recipe = digest(CONSTRAINTS, HERE / "pyproject.toml")
    if made.exists() and made.read_text() == recipe:
        return PROGRAMS
    print(f"Installing the project and what it needs into {HOME}:", flush=True)
    print("about 0.9 GB, once, which takes some minutes and says nothing until it is done.", flush=True)
    made.unlink(missing_ok=True)
    pip = [PROGRAMS / "python", "-m", "pip", "--disable-pip-version-check", "install", "-qq", "-c", CONSTRAINTS]
    try:
        subprocess.run([sys.executable, "-m", "venv", HOME], check=True)
        # The build backend comes first: an isolated build would fetch one that is not pinned.
        subprocess.run([*pip, "hatchling", "editables"], check=True)
        subprocess.run([*pip, "--no-build-isolation", "--editable", f"{HERE}[{EXTRAS}]"], check=True)
    except subprocess.CalledProcessError as failure:
        sys.exit(f"The environment cannot be made, for the command above failed with exit code {failure.returncode}.")
    made.write_text(recipe)
    return PROGRAMS


def digest(*files: Path) -> str:
    """What an environment is made from, in short: these files, this Python and this place."""
    content = hashlib.sha256(f"{sys.version} {HERE}".encode())
    for file in files:
        content.update(file.read_bytes())
    return content.hexdigest()


def sessions() -> list[str]:
    """The names of the sessions below, which cannot be imported before there is nox."""
    return re.findall(r"^@nox\.session\ndef (\w+)", Path(__file__).read_text(), re.MULTILINE)


if __name__ == "__main__":
    chosen, *rest = sys.argv[1:] or ["--list"]
    if not chosen.startswith("-") and chosen not in sessions():
        sys.exit(f"There is no session {chosen!r}, but there are {', '.join(sessions())}.")
    python = environment() / "python"
    options = [chosen] if chosen.startswith("-") else ["--session", chosen]
    os.execv(python, [str(python), "-m", "nox", "--noxfile", __file__, *options, *rest])

import nox  # noqa: E402  (nothing but nox itself gets here)

nox.options.sessions = ["tests"]
nox.options.default_venv_backend = "none"
# It looks for uv even where it is to make no environment, and what it then says looks like an error.
logging.getLogger("nox").addFilter(lambda record: record.msg != "uv binary not found.")


@nox.session
def up(session: nox.Session) -> None:
    """Start the whole system with a demonstration Domain of simulated Nodes; Ctrl-C ends it."""
    launcher = str(environment() / "plexsphere-up")
    # The launcher takes the place of this process: signals and the terminal are its own.
    os.execve(launcher, [launcher, "--demo", str(DEMO_NODES), *session.posargs], variables())


@nox.session
def tests(session: nox.Session) -> None:
    """Check style, types and imports, then run all tests; or give pytest the arguments, and run nothing else."""
    if not session.posargs:
        check(session)
    run(session, "pytest", *(session.posargs or ["tests", "--ignore=tests/bench"]))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types and imports."""
    check(session)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure, and print ratios to floors measured in the same run."""
    run(session, "python", "-m", "tests.bench", *session.posargs)


@nox.session
def generate(session: nox.Session) -> None:
    """Make anew what is made from other files and kept beside them."""
    outputs = ("--python_out=.", "--grpc_python_out=.", "--mypy_out=quiet:.", "--mypy_grpc_out=quiet:.")
    run(session, "python", "-m", "grpc_tools.protoc", "-I.", *outputs, "plexsphere_adapters/grpc/signer.proto")
    run(session, "python", "-m", "plexsphere_apps.reference")


def check(session: nox.Session) -> None:
    """The checks that need no running server."""
    run(session, "ruff", "check", ".")
    run(session, "ruff", "format", "--check", ".")
    run(session, "mypy")
    run(session, "lint-imports")


def run(session: nox.Session, program: str, *arguments: str) -> None:
    """Run a program of the environment."""
    session.run(str(environment() / program), *arguments, env=variables(), external=True)


def variables() -> dict[str, str]:
    """The environment variables of a program: ours, with the environment's programs found first."""
    return os.environ | {"PATH": f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
