"""What a person sees of the launcher: one line per step, with the time it took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import define, field
from rich.console import Console
from rich.text import Text


@define
class Report:
    """Prints to the terminal; plain lines where there is none."""

    console: Console = field(factory=lambda: Console(highlight=False, soft_wrap=True))
    began: float = field(factory=time.monotonic)

    def elapsed(self) -> float:
        """Seconds since the launcher began."""
        return time.monotonic() - self.began

    @contextmanager
    def step(self, name: str, detail: str = "") -> Iterator[None]:
        """Print the line of a step when it is done; one that fails prints none, for its failure speaks for itself."""
        began = time.monotonic()
        yield
        self._line("✓", "green", name, detail, time.monotonic() - began)

    def note(self, name: str, detail: str) -> None:
        """Print a line about something that happened outside a step."""
        self._line("·", "cyan", name, detail, None)

    def trouble(self, name: str, detail: str) -> None:
        """Print a line about something that went wrong and is being dealt with."""
        self._line("!", "yellow", name, detail, None)

    def say(self, text: str = "") -> None:
        """Print a line as it is."""
        self.console.print(text, markup=False)

    def _line(self, mark: str, colour: str, name: str, detail: str, seconds: float | None) -> None:
        took = f"{seconds:6.1f} s" if seconds is not None else f"{'':8}"
        self.console.print(
            Text.assemble(
                (f"{self.elapsed():6.1f} s ", "dim"), (f"{mark} ", colour), (f"{name:<22}", "bold"), f"{took}  {detail}"
            )
        )
