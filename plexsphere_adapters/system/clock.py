"""The system clock."""

from datetime import UTC, datetime

from attrs import frozen


@frozen
class SystemClock:
    """The wall clock of this machine, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)
