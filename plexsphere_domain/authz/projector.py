"""Facts → relation graph: what one active worker does, step by step.

A step first writes the graph and then, in one transaction, keeps tuples, revision and position in the ledger. A crash
between the two repeats the step, and writing the same tuples twice is harmless. The ledger holds every tuple, so a
graph that was lost is rebuilt from it; until the graph says of itself that it is whole, it answers no question, because
an empty graph would deny everything to everybody.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Generic, TypeVar

from attrs import frozen

from plexsphere_domain.authz.model import RelationTuple
from plexsphere_domain.authz.ports import GraphWriter, TupleLedger
from plexsphere_domain.authz.projection import Changes, project

BATCH = 400
"""Facts per step: with at most two tuples each they fit one write of a graph (1,000 updates)."""

BACKLOG = 20_000
"""Facts with which a graph is rebuilt at the most; later ones follow step by step."""

P = TypeVar("P")


@frozen(kw_only=True)
class TupleProjector(Generic[P]):
    ledger: TupleLedger[P]
    graph: GraphWriter

    async def step(self) -> bool:
        """Project one batch of facts; whether there was one, False when the projection has caught up.

        Rebuilds the graph first if it is not whole. Raises AuthzUnavailable while the graph is away: call it again.
        """
        if not await self.graph.whole():
            await self.rebuild()
            return True
        pending = await self.ledger.pending(BATCH)
        if pending is None:
            return False
        changes = project(pending.facts)
        revision = await self.graph.apply(changes) if changes else None
        await self.ledger.settle(pending, changes, revision)
        return True

    async def rebuild(self) -> None:
        """Write the graph anew: what the ledger holds, and the facts that it does not hold yet.

        A graph that were whole without the newest facts would deny, for a moment, what they grant.
        """
        pending = await self.ledger.pending(BACKLOG)
        changes = project(pending.facts) if pending else Changes()
        revision = await self.graph.rebuild(self._tuples_after(changes))
        if pending:
            await self.ledger.settle(pending, changes, revision)
        else:
            await self.ledger.rebuilt(revision)

    async def _tuples_after(self, changes: Changes) -> AsyncIterator[Sequence[RelationTuple]]:
        async for batch in self.ledger.tuples():
            yield [each for each in batch if not {each.object, each.subject} & changes.removed]
        touched = tuple(changes.touched)
        for start in range(0, len(touched), BATCH):
            yield touched[start : start + BATCH]
