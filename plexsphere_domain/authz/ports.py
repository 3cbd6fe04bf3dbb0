"""What authorisation needs from outside."""

from collections.abc import AsyncIterator, Sequence
from typing import Generic, Protocol, TypeVar

from attrs import frozen

from plexsphere_domain.authz.model import Answer, ObjectRef, Question, RelationTuple, Ruling
from plexsphere_domain.authz.projection import Changes, Fact
from plexsphere_domain.kernel.ids import DomainId


class RelationGraph(Protocol):
    async def answers(self, questions: Sequence[Question], *, at_least: str | None) -> Sequence[Answer]:
        """The answers in the order of the questions, in one round trip.

        They are at least as fresh as the revision `at_least`; None asks for the newest, which costs more. A graph that
        is not whole gives no answers. Raises AuthzUnavailable.
        """


class Residency(Protocol):
    async def domain_of(self, object: ObjectRef) -> DomainId | None:
        """The Domain that owns the object; None where none does, or the object is unknown."""


class DecisionJournal(Protocol):
    async def record(self, ruling: Ruling) -> None:
        """Returns when the ruling is on its chain for good: the Domain's, or the platform's where there is none."""


class Projection(Protocol):
    async def caught_up(self) -> None:
        """Wait, for a bounded time, until the graph holds all that was committed before the call.

        Returns in any case: who goes on too early meets a graph that lags, which is what would happen without waiting.
        """


class GraphWriter(Protocol):
    """The writing side of the relation graph. Every method raises AuthzUnavailable."""

    async def whole(self) -> bool:
        """Whether the graph holds all that was ever written to it. A graph without a schema does not."""

    async def apply(self, changes: Changes) -> str:
        """Make the changes; doing it again is harmless. The revision that has them.

        A graph that is not whole takes no changes (AuthzUnavailable).
        """

    async def rebuild(self, tuples: AsyncIterator[Sequence[RelationTuple]]) -> str:
        """Write the schema and exactly these tuples, dropping all others. The revision at which the graph is whole.

        Until then, and when it fails, the graph is not whole.
        """


P = TypeVar("P")
"""Where the projection stands among the facts: the store's own affair."""


@frozen
class Pending(Generic[P]):
    """Facts that the graph does not have yet, and where the projection stands when it has them."""

    facts: tuple[Fact, ...]
    position: P


class TupleLedger(Protocol[P]):
    """The tuples as the truth has them, the newest graph revision, and how far the facts were projected."""

    async def pending(self, limit: int) -> Pending[P] | None:
        """The oldest facts that are not projected, about `limit` of them; None when there are none.

        Facts of types that change nothing may be left out; the position then stands behind them all the same.
        """

    async def settle(self, pending: Pending[P], changes: Changes, revision: str | None) -> None:
        """Keep the changes, the new position and, unless None, the revision; all or nothing."""

    def tuples(self) -> AsyncIterator[Sequence[RelationTuple]]:
        """Every tuple, in batches."""

    async def rebuilt(self, revision: str) -> None:
        """The graph was rebuilt: earlier revisions mean nothing to it."""
