"""Time is a port: the domain never asks the machine for it."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The present, as an aware datetime in UTC."""

    def now(self) -> datetime: ...
