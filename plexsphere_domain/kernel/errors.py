"""The shapes of refusal. A context's errors subclass one of these kinds and give their own `code`.

The kind says what the caller can do about it; an adapter turns kinds into its own vocabulary (HTTP statuses, exit
codes). The `code` is stable API. `detail` is for the caller's eyes: it never holds secrets or internals.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import define


@define(eq=False)
class DomainError(Exception):
    """A rule of the domain was broken. Subclasses hold what broke it as fields."""

    code: ClassVar[str] = "internal"

    @property
    def detail(self) -> str:
        """One sentence for the caller."""
        return "the request could not be completed, through no fault of its own"

    @property
    def members(self) -> Mapping[str, Any]:
        """Machine-readable additions to the refusal, such as the counts of children that block a deletion."""
        return {}

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class Invalid(DomainError):
    """The input breaks an invariant; sending it again cannot help."""


class Unauthenticated(DomainError):
    """The caller did not prove who it is."""


class Refused(DomainError):
    """The caller is known, and may not."""


class NotFound(DomainError):
    """What was named does not exist, or is not visible to the caller: the two are not told apart."""


class Conflict(DomainError):
    """The state of the world stands against it."""


class Gone(DomainError):
    """It existed and will not come back."""


class TooLarge(DomainError):
    """The input exceeds its ceiling."""


class Unprocessable(DomainError):
    """Well-formed, but it contradicts something beyond the aggregate it addresses."""


class Throttled(DomainError):
    """Too much, too soon; `members` may tell when to come back."""


class NotProvisioned(DomainError):
    """The operator of this deployment did not configure what the operation needs."""


class Unavailable(DomainError):
    """A dependency is away. Nothing was done; the same request may succeed later."""
