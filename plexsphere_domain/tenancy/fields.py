"""How an aggregate reads its fields out of what a caller spelled."""

from collections.abc import Callable
from typing import TypeVar

from attrs import frozen

from plexsphere_domain.kernel.unset import Unset
from plexsphere_domain.tenancy.errors import InvalidField
from plexsphere_domain.tenancy.naming import Malformed

V = TypeVar("V")


@frozen
class Fields:
    """Reads fields; one that is malformed is raised as the aggregate's own `refusal`, with the field's name."""

    refusal: type[InvalidField]

    def read(self, field: str, parse: Callable[[str], V], text: str) -> V:
        """The value that the text spells."""
        try:
            return parse(text)
        except Malformed as malformed:
            raise self.refusal(field=field, rule=str(malformed)) from None

    def reread(self, field: str, parse: Callable[[str], V], text: str | Unset, current: V) -> V:
        """The value that a patch's member spells, or the current one where the patch does not name it."""
        return current if isinstance(text, Unset) else self.read(field, parse, text)
