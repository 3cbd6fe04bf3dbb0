"""The command-line flags that all servers share."""

import argparse
import sys
from datetime import timedelta
from pathlib import Path
from typing import Final, NoReturn

from attrs import frozen

from plexsphere_adapters.system.build import build
from plexsphere_apps.kinds import address, duration

EXIT_CLEAN: Final = 0
EXIT_ERROR: Final = 1
EXIT_FORCED: Final = 2


@frozen(kw_only=True)
class ServerFlags:
    """How a server was called.

    `shutdown_grace` is how long a shutdown may take from its signal to its end; `drain_notice` is the first part of
    it, in which the process denies its readiness and still accepts, so that those who route to it look elsewhere.
    """

    addr: str
    addr_file: Path | None
    shutdown_grace: timedelta
    drain_notice: timedelta


class Parser(argparse.ArgumentParser):
    """Leaves with the exit code of an error where the flags are wrong, because 2 means a forced close here."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_ERROR, f"{self.prog}: {message}\n")


class Version(argparse.Action):
    """Prints what is running in one line, however narrow the terminal, and exits."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        sys.stdout.write(f"{parser.prog} {build()}\n")
        parser.exit(EXIT_CLEAN)


def parser(service: str, description: str) -> Parser:
    """A parser of the shared flags, to which a server may add its own."""
    made = Parser(prog=f"plexsphere-{service}", description=description, allow_abbrev=False)
    made.add_argument("--version", action=Version, nargs=0, help="print the version and exit")
    made.add_argument(
        "--addr",
        type=address,
        default="127.0.0.1:8080",
        metavar="HOST:PORT",
        help="where to listen for HTTP; port 0 for any free one (default: %(default)s)",
    )
    made.add_argument("--addr-file", type=Path, metavar="FILE", help="where to write the address that is listened on")
    made.add_argument(
        "--shutdown-grace",
        type=duration,
        default="25s",
        metavar="DURATION",
        help="how long a shutdown may take, from its signal to its end (default: %(default)s)",
    )
    made.add_argument(
        "--drain-notice",
        type=duration,
        default="1s",
        metavar="DURATION",
        help="the first part of it: unready, and still serving (default: %(default)s)",
    )
    return made


def server_flags(parsed: argparse.Namespace) -> ServerFlags:
    return ServerFlags(
        addr=parsed.addr,
        addr_file=parsed.addr_file,
        shutdown_grace=parsed.shutdown_grace,
        drain_notice=min(parsed.drain_notice, parsed.shutdown_grace),
    )
