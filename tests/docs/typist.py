"""Types what comes on stdin into an interactive Python, line by line; fails with the first exception."""

import sys
from code import InteractiveConsole
from typing import NoReturn


class Typist(InteractiveConsole):
    """A console that gives up where a person would stop and wonder."""

    def write(self, data: str) -> NoReturn:
        """Take a traceback, which is all that the console itself has to say."""
        raise SystemExit(data)


console = Typist()
for line in sys.stdin.read().splitlines():
    console.push(line)
