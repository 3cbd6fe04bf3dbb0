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

GRACE: Final = timedelta(seconds=25)
NOTICE: Final = timedelta(seconds=1)


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


def parser(service: str, description: str) -> Parser:
    """A parser of the shared flags, to which a server may add its own."""
    made = Parser(prog=f"plexsphere-{service}", description=description, allow_abbrev=False)
    made.add_argument("--version", action="version", version=f"plexsphere-{service} {build()}")
    made.add_argument("--addr", type=address, metavar="HOST:PORT", help="where to listen; port 0 for any free one")
    made.add_argument("--addr-file", type=Path, metavar="FILE", help="where to write the address that is listened on")
    made.add_argument("--shutdown-grace", type=duration, metavar="DURATION", help="how long a shutdown may take")
    made.add_argument("--drain-notice", type=duration, metavar="DURATION", help="how long of it is spent unready first")
    made.set_defaults(addr="127.0.0.1:8080", shutdown_grace=GRACE, drain_notice=NOTICE)
    return made


def server_flags(parsed: argparse.Namespace) -> ServerFlags:
    return ServerFlags(
        addr=parsed.addr,
        addr_file=parsed.addr_file,
        shutdown_grace=parsed.shutdown_grace,
        drain_notice=min(parsed.drain_notice, parsed.shutdown_grace),
    )
