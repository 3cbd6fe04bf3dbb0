"""Rulings of the authorisation context, written down for the audit context.

Decisions outside a state transaction are many, and each caller waits until its own is committed; those that wait at the
same time share one transaction.
"""

from collections.abc import Sequence

from attrs import define, field

from plexsphere_adapters.coalesce import Coalescer
from plexsphere_domain.audit.model import AuditRecord, Reason, scope_of
from plexsphere_domain.audit.ports import Recorder
from plexsphere_domain.authz.model import Ruling


def record_of(ruling: Ruling) -> AuditRecord:
    """The audit record of a decision: the names of its caveats, and nothing of the path that led to it."""
    return AuditRecord(
        scope=scope_of(ruling.domain_id),
        occurred_at=ruling.at,
        identity=ruling.actor.principal.id,
        relation=ruling.permission,
        object_type=ruling.object.type,
        object_id=ruling.object.id,
        reason=Reason.of(ruling.internal_reason),
        caveats={str(caveat): names for caveat, names in ruling.caveats.items()},
        correlation_id=ruling.actor.correlation_id,
        ip=ruling.actor.ip,
        user_agent=ruling.actor.user_agent,
    )


@define
class AuditedDecisions:
    """The decision journal over the audit intake."""

    recorder: Recorder
    _write: Coalescer[AuditRecord, None] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._write = Coalescer(self._flush)

    async def record(self, ruling: Ruling) -> None:
        """Returns when the ruling is committed. Raises what the store raises."""
        await self._write(record_of(ruling))

    async def _flush(self, records: Sequence[AuditRecord]) -> Sequence[None]:
        await self.recorder.record(records)
        return [None] * len(records)
