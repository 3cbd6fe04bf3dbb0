"""Facts → relation graph: what one active worker does, step by step.

A step first writes the graph and then, in one transaction, keeps tuples, revision and position in the ledger. A crash
between the two repeats the step, and writing the same tuples twice is harmless. The ledger holds every tuple, so a
graph that was lost is rebuilt from it; until the graph says of itself that it is whole, it answers no question, because
an empty graph would deny everything to everybody.
"""

from typing import Generic, TypeVar

from attrs import frozen

from plexsphere_domain.authz.ports import GraphWriter, TupleLedger
from plexsphere_domain.authz.projection import project

BATCH = 400
"""Facts per step: with at most two tuples each they fit one write of a graph (1,000 updates)."""

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
        pending = await self.ledger.pending(BATCH)
        if pending is None:
            return False
        changes = project(pending.facts)
        revision = await self.graph.apply(changes) if changes else None
        await self.ledger.settle(pending, changes, revision)
        return True

    async def rebuild(self) -> None:
        """Write the graph anew out of the ledger, whatever it holds."""
        revision = await self.graph.rebuild(self.ledger.tuples())
        await self.ledger.rebuilt(revision)
