"""The unit of work on PostgreSQL: one connection, one transaction, every repository on it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cached_property

from attrs import define, frozen

from plexsphere_adapters.postgres.addresses import PostgresMeshAddresses
from plexsphere_adapters.postgres.api_tokens import PostgresApiTokens
from plexsphere_adapters.postgres.bootstrap_tokens import PostgresBootstrapTokens
from plexsphere_adapters.postgres.domains import PostgresDomains
from plexsphere_adapters.postgres.heartbeats import PostgresLivenessRecords
from plexsphere_adapters.postgres.mesh_allocations import PostgresMeshAllocations
from plexsphere_adapters.postgres.nodes import PostgresNodes
from plexsphere_adapters.postgres.outbox import PostgresOutbox
from plexsphere_adapters.postgres.placements import PostgresPlacements
from plexsphere_adapters.postgres.pool import Pool, connection
from plexsphere_adapters.postgres.projects import PostgresProjects
from plexsphere_adapters.postgres.resources import PostgresResources
from plexsphere_adapters.postgres.sql import Connection
from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.ids import NewId
from plexsphere_domain.kernel.journal import Journal


@define(slots=False, kw_only=True)
class PostgresTransaction:
    """Every repository of every context, on one connection; a context sees it through its own protocol."""

    connection: Connection
    clock: Clock
    new_id: NewId
    journals: Callable[[Connection], Journal]

    @cached_property
    def outbox(self) -> PostgresOutbox:
        return PostgresOutbox(connection=self.connection, clock=self.clock, new_id=self.new_id)

    @cached_property
    def journal(self) -> Journal:
        return self.journals(self.connection)

    @cached_property
    def domains(self) -> PostgresDomains:
        return PostgresDomains(self.connection)

    @cached_property
    def projects(self) -> PostgresProjects:
        return PostgresProjects(self.connection)

    @cached_property
    def resources(self) -> PostgresResources:
        return PostgresResources(self.connection)

    @cached_property
    def mesh_allocations(self) -> PostgresMeshAllocations:
        return PostgresMeshAllocations(self.connection)

    @cached_property
    def api_tokens(self) -> PostgresApiTokens:
        return PostgresApiTokens(self.connection)

    @cached_property
    def bootstrap_tokens(self) -> PostgresBootstrapTokens:
        return PostgresBootstrapTokens(self.connection)

    @cached_property
    def placements(self) -> PostgresPlacements:
        return PostgresPlacements(self.connection)

    @cached_property
    def nodes(self) -> PostgresNodes:
        return PostgresNodes(self.connection)

    @cached_property
    def mesh_addresses(self) -> PostgresMeshAddresses:
        return PostgresMeshAddresses(self.connection)

    @cached_property
    def liveness(self) -> PostgresLivenessRecords:
        return PostgresLivenessRecords(self.connection)


@frozen(kw_only=True)
class PostgresTransactions:
    """Begins transactions on the pool (read committed: whatever must not race is locked or compared and set)."""

    pool: Pool
    clock: Clock
    new_id: NewId
    journals: Callable[[Connection], Journal]

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[PostgresTransaction]:
        async with connection(self.pool) as held, held.transaction():
            yield PostgresTransaction(connection=held, clock=self.clock, new_id=self.new_id, journals=self.journals)
