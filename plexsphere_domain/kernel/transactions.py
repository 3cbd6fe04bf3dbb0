"""The unit of work: state, outbox events and audit rows commit together or not at all."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from plexsphere_domain.kernel.events import Outbox
from plexsphere_domain.kernel.journal import Journal


class Transaction(Protocol):
    """What every transaction offers. Each context extends it with the repositories it needs."""

    @property
    def outbox(self) -> Outbox: ...

    @property
    def journal(self) -> Journal: ...


T_co = TypeVar("T_co", bound=Transaction, covariant=True)


class Transactions(Protocol[T_co]):
    def begin(self) -> AbstractAsyncContextManager[T_co]:
        """A new transaction: committed when the block ends, rolled back when it raises."""
