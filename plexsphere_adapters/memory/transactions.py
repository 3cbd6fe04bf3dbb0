"""The unit of work in memory: a transaction works on a copy of everything, and its commit puts the copy in place."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property

from attrs import Factory, define

from plexsphere_adapters.memory.bootstrap_tokens import MemoryBootstrapTokens
from plexsphere_adapters.memory.nodes import (
    MemoryLivenessRecords,
    MemoryMeshAddresses,
    MemoryNodes,
    MemoryPlacements,
)
from plexsphere_adapters.memory.tables import Tables
from plexsphere_adapters.memory.tenancy import MemoryDomains, MemoryMeshAllocations, MemoryProjects, MemoryResources
from plexsphere_domain.kernel.events import DomainEvent
from plexsphere_domain.kernel.journal import PrivilegedAction


@define
class MemoryOutbox:
    tables: Tables

    async def append(self, *events: DomainEvent) -> None:
        self.tables.events.extend(events)


@define
class MemoryJournal:
    tables: Tables

    async def record(self, *actions: PrivilegedAction) -> None:
        self.tables.actions.extend(actions)


@define(slots=False)
class MemoryTransaction:
    """Every repository of every context, on one copy of the tables; a context sees it through its own protocol."""

    tables: Tables

    @cached_property
    def outbox(self) -> MemoryOutbox:
        return MemoryOutbox(self.tables)

    @cached_property
    def journal(self) -> MemoryJournal:
        return MemoryJournal(self.tables)

    @cached_property
    def domains(self) -> MemoryDomains:
        return MemoryDomains(self.tables)

    @cached_property
    def projects(self) -> MemoryProjects:
        return MemoryProjects(self.tables)

    @cached_property
    def resources(self) -> MemoryResources:
        return MemoryResources(self.tables)

    @cached_property
    def mesh_allocations(self) -> MemoryMeshAllocations:
        return MemoryMeshAllocations(self.tables)

    @cached_property
    def bootstrap_tokens(self) -> MemoryBootstrapTokens:
        return MemoryBootstrapTokens(self.tables)

    @cached_property
    def placements(self) -> MemoryPlacements:
        return MemoryPlacements(self.tables)

    @cached_property
    def nodes(self) -> MemoryNodes:
        return MemoryNodes(self.tables)

    @cached_property
    def mesh_addresses(self) -> MemoryMeshAddresses:
        return MemoryMeshAddresses(self.tables)

    @cached_property
    def liveness(self) -> MemoryLivenessRecords:
        return MemoryLivenessRecords(self.tables)


@define
class MemoryTransactions:
    """One transaction at a time. `tables` is what was committed last."""

    tables: Tables = Factory(Tables)
    _turn: asyncio.Lock = Factory(asyncio.Lock)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[MemoryTransaction]:
        async with self._turn:
            working = self.tables.copy()
            yield MemoryTransaction(working)
            self.tables = working
