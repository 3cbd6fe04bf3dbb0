"""What a context tells the audit log, in the same transaction as the state that it is about."""

from typing import Protocol
from uuid import UUID

from attrs import frozen

from plexsphere_domain.kernel.actor import Actor
from plexsphere_domain.kernel.ids import DomainId


@frozen(kw_only=True)
class PrivilegedAction:
    """Something that was done. `action` is `<aggregate>.<verb>`; `domain_id` None means the platform's own chain."""

    action: str
    object_type: str
    object_id: UUID
    domain_id: DomainId | None
    by: Actor


class Journal(Protocol):
    async def record(self, *actions: PrivilegedAction) -> None:
        """Put the actions on their Domains' audit chains when the transaction commits."""
