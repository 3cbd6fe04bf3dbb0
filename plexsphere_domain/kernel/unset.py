"""The third state of a patch's member: neither a value nor nothing, but left as it is."""

from enum import Enum
from typing import Final, Literal


class Unset(Enum):
    """The member was not named: it keeps its value."""

    UNSET = "unset"

    def __bool__(self) -> Literal[False]:
        return False


UNSET: Final = Unset.UNSET
