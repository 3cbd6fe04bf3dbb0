"""Erasing who is behind a pseudonym. The rows stay, and so do their hashes; only the way back to the identity goes."""

from datetime import datetime
from uuid import UUID

from attrs import frozen

from plexsphere_domain.audit.chain import pseudonym
from plexsphere_domain.audit.chains import Chains, OpenChain
from plexsphere_domain.audit.errors import AuditDomainNotFound
from plexsphere_domain.audit.model import AuditRecord, Scope
from plexsphere_domain.audit.ports import Ledgers
from plexsphere_domain.audit.sequencer import BATCH, Sequencer
from plexsphere_domain.kernel.actor import Actor
from plexsphere_domain.kernel.clock import Clock

ERASE = "audit.erase-identity"


@frozen(kw_only=True)
class Erased:
    """The receipt: the pseudonym that leads nowhere any more, and when the erasure itself was recorded."""

    subject: bytes
    at: datetime


@frozen
class Erasure:
    """Forgets identities, chain by chain."""

    sequencer: Sequencer
    chains: Chains
    ledgers: Ledgers
    clock: Clock

    async def erase(self, scope: Scope, identity: UUID, *, by: Actor) -> Erased:
        """Forget `identity` on the chain of `scope` for good, and chain a row that says so: both, or neither.

        It may be repeated, and works for an identity that the chain never saw. Rows that the identity earns later show
        its pseudonym only. Raises `AuditDomainNotFound`, and what keeps the chain from being opened.
        """
        if not await self.chains.exists(scope):
            raise AuditDomainNotFound
        await self.sequencer.catch_up(scope)
        opened = await self.chains.open([scope])
        for failure in opened.failures.values():
            raise failure
        return await self._forget(opened.chains[scope], identity, by)

    async def _forget(self, chain: OpenChain, identity: UUID, by: Actor) -> Erased:
        subject = pseudonym(chain.pepper, chain.id, identity)
        at = self.clock.now()
        async with self.ledgers.begin() as ledger:
            heads = await ledger.lock([chain.id])
            await ledger.forget(chain.id, subject, at)
            await ledger.put(
                AuditRecord(
                    scope=chain.id,
                    occurred_at=at,
                    identity=by.principal.id,
                    relation=ERASE,
                    object_type="audit_subject",
                    object_id=subject.hex(),
                    correlation_id=by.correlation_id,
                    ip=by.ip,
                    user_agent=by.user_agent,
                )
            )
            while await self.sequencer.settle(ledger, heads, {chain.id: chain}) == BATCH:
                heads = await ledger.lock([chain.id])
        return Erased(subject=subject, at=at)
