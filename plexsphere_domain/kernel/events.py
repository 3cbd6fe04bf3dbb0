"""Domain events: facts in the past tense, written to the outbox in the transaction that made them true."""

from typing import Protocol

from attrs import frozen

from plexsphere_domain.kernel.ids import DomainId


@frozen(kw_only=True)
class DomainEvent:
    """A fact. The class name is its type on the outbox; the other fields are its payload.

    `domain_id` is the Domain whose stream of facts it belongs to, None for facts about the platform itself.
    """

    domain_id: DomainId | None

    @property
    def type(self) -> str:
        return type(self).__name__


class Outbox(Protocol):
    """The only way out of a transaction to other contexts and to the bus."""

    async def append(self, *events: DomainEvent) -> None: ...
