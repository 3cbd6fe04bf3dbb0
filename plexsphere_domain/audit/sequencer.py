"""From the intake to the chains: records wait there, committed with what they are about, until they are chained.

A record must commit with the state that it is about, and a chain is one row after another: a lock per chain inside
every transaction would make the whole Domain wait in one line. So producers only leave records in the intake, and the
sequencer chains many at once, each batch in one transaction that holds the heads of its chains. Whoever needs to see
the rows of a chain lets it catch up first; two who do so at once take turns.

The order of a chain is the order of the intake among what was committed when the batch was made. So a row stands behind
every row that was committed before its own transaction began.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType

from attrs import Factory, frozen

from plexsphere_domain.audit.chain import append
from plexsphere_domain.audit.chains import Chains, OpenChain
from plexsphere_domain.audit.model import Head, Scope
from plexsphere_domain.audit.ports import Chained, Intake, Ledger, Ledgers, Waiting
from plexsphere_domain.kernel.errors import Unavailable

BATCH = 512
"""Records in one transaction: many enough to share its cost, few enough for the heads to be free again soon."""

MAX_BATCHES = 64
"""How many batches one reader chains for itself before it reads what there is."""


NOTHING: Mapping[Scope, Exception] = MappingProxyType({})


@frozen(kw_only=True)
class Progress:
    """How many records were chained, which scopes could not be, and why."""

    chained: int
    aside: Mapping[Scope, Exception] = Factory(dict)


@frozen(kw_only=True)
class Sequencer:
    """Chains what waits in the intake. Safe to run anywhere, any number of times at once."""

    intake: Intake
    ledgers: Ledgers
    chains: Chains

    async def exhaust(self, aside: Mapping[Scope, Exception] = NOTHING) -> Progress:
        """Chain until nothing waits but the records of scopes that fail: those are set aside and stop no other.

        Scopes that are `aside` already are left there. Raises `Unavailable` while the store is out of reach.
        """
        total, aside = 0, dict(aside)
        while True:
            progress = await self._oldest(aside.keys())
            total += progress.chained
            aside |= progress.aside
            if not progress.chained and not progress.aside:
                return Progress(chained=total, aside=aside)

    async def catch_up(self, scope: Scope) -> None:
        """Chain what waits for `scope`, so that what was committed before this call can be read after it.

        A backlog beyond `MAX_BATCHES` batches is left to `exhaust`. So is a chain that cannot be continued, because its
        head or its pepper was tampered with: what stands of it is to be read all the same. Raises `Unavailable`.
        """
        if not await self.intake.holds(scope):
            return
        opened = await self.chains.open([scope])
        for failure in opened.failures.values():
            if isinstance(failure, Unavailable):
                raise failure
        with _standing_still():
            for _ in range(MAX_BATCHES):
                if await self._batch(opened.chains) < BATCH:
                    return

    async def settle(self, ledger: Ledger, heads: Mapping[Scope, Head], opened: Mapping[Scope, OpenChain]) -> int:
        """Chain one batch inside a transaction that holds `heads`; how many records that were."""
        waiting = await ledger.waiting(opened.keys(), BATCH)
        if not waiting:
            return 0
        moved: list[Chained] = []
        advanced: dict[Scope, Head] = {}
        for chain, batch in _by_chain(waiting, opened):
            entries, head = append(chain.id, chain.pepper, heads[chain.id], (each.record for each in batch))
            advanced[chain.id] = head
            moved += (Chained(position=w.position, entry=e) for w, e in zip(batch, entries, strict=True))
        await ledger.settle(moved, advanced)
        return len(moved)

    async def _oldest(self, aside: Collection[Scope]) -> Progress:
        scopes = await self.intake.waiting(BATCH, aside)
        if not scopes:
            return Progress(chained=0)
        opened = await self.chains.open(scopes)
        try:
            return Progress(chained=await self._batch(opened.chains), aside=opened.failures)
        except Unavailable:
            raise
        except Exception as trouble:  # noqa: BLE001 — what one chain's rows raise must not stop the others
            if len(opened.chains) == 1:
                return Progress(chained=0, aside={**opened.failures, **dict.fromkeys(opened.chains, trouble)})
        return await self._one_by_one(opened.chains, opened.failures)

    async def _one_by_one(self, opened: Mapping[Scope, OpenChain], failures: Mapping[Scope, Exception]) -> Progress:
        chained, aside = 0, dict(failures)
        for scope, chain in opened.items():
            try:
                chained += await self._batch({scope: chain})
            except Unavailable:
                raise
            except Exception as trouble:  # noqa: BLE001 — as above; the caller reports it
                aside[scope] = trouble
        return Progress(chained=chained, aside=aside)

    async def _batch(self, opened: Mapping[Scope, OpenChain]) -> int:
        if not opened:
            return 0
        async with self.ledgers.begin() as ledger:
            heads = await ledger.lock({chain.id for chain in opened.values()})
            return await self.settle(ledger, heads, opened)


@contextmanager
def _standing_still() -> Iterator[None]:
    """Nothing that one chain's rows raise comes out; an outage does."""
    try:
        yield
    except Unavailable:
        raise
    except Exception:  # noqa: BLE001, S110 — `exhaust` meets it again and reports it
        pass


def _by_chain(
    waiting: Sequence[Waiting], opened: Mapping[Scope, OpenChain]
) -> Collection[tuple[OpenChain, list[Waiting]]]:
    """The records of each chain, in their order. Records about ownerless scopes share the platform's."""
    batches: dict[Scope, tuple[OpenChain, list[Waiting]]] = {}
    for each in waiting:
        chain = opened[each.record.scope]
        batches.setdefault(chain.id, (chain, []))[1].append(each)
    return batches.values()
