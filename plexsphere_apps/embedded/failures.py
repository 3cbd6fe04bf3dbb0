"""What stops a start: one line that says what is wrong, and one that says what to do about it."""

from attrs import frozen


@frozen
class CannotStart(Exception):
    """The system cannot come up. `what` happened, and the `remedy` a person can apply; both are for the terminal."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}"


def first_of(group: BaseExceptionGroup[BaseException]) -> CannotStart | None:
    """The first `CannotStart` in a group that several concurrent starts raised, if there is one."""
    for inner in group.exceptions:
        if isinstance(inner, CannotStart):
            return inner
        if isinstance(inner, BaseExceptionGroup):
            found = first_of(inner)
            if found is not None:
                return found
    return None
