"""The mesh on a real PostgreSQL."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from ipaddress import IPv4Network
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from attrs import define, field

from plexsphere_adapters.postgres.heartbeats import PostgresHeartbeatLog, PostgresStandings
from plexsphere_adapters.postgres.journal import PostgresJournal
from plexsphere_adapters.postgres.nodes import PostgresNodeCredentials, PostgresNodeDirectory, PostgresPeerLog
from plexsphere_adapters.postgres.pool import Pool, connection
from plexsphere_adapters.postgres.sql import execute, fetch, fetch_one
from plexsphere_adapters.postgres.transaction import PostgresTransaction, PostgresTransactions
from plexsphere_adapters.system import uuid7
from plexsphere_domain.kernel.ids import DomainId, ProjectId, ResourceId
from plexsphere_domain.mesh.addresses.model import Network
from tests.integration.postgres.rows import POLICY
from tests.ports.mesh import NOON, Watch

_PREFIXES = count(1)


@define
class PostgresGround:
    """Implements the contract's `Ground` with statements of its own for what belongs to tenancy."""

    pool: Pool
    watch: Watch = field(factory=Watch)
    transactions: PostgresTransactions = field(init=False)
    credentials: PostgresNodeCredentials = field(init=False)
    standings: PostgresStandings = field(init=False)
    heartbeats: PostgresHeartbeatLog = field(init=False)
    peers: PostgresPeerLog = field(init=False)
    directory: PostgresNodeDirectory = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.transactions = PostgresTransactions(
            pool=self.pool,
            clock=self.watch,
            new_id=uuid7,
            journals=lambda held: PostgresJournal(connection=held, clock=self.watch),
        )
        self.credentials = PostgresNodeCredentials(self.pool)
        self.standings = PostgresStandings(self.pool)
        self.heartbeats = PostgresHeartbeatLog(self.pool, self.watch)
        self.peers = PostgresPeerLog(self.pool)
        self.directory = PostgresNodeDirectory(self.pool)

    def begin(self) -> AbstractAsyncContextManager[PostgresTransaction]:
        return self.transactions.begin()

    async def domain(self, prefix: int = 24) -> tuple[DomainId, Network]:
        domain, pool = DomainId(uuid7()), IPv4Network(((10 << 24) + next(_PREFIXES) * 256 + 128, prefix), strict=False)
        async with connection(self.pool) as held:
            await execute(
                held,
                """
                INSERT INTO plexsphere.domains (id, name, slug, description, mesh_cidr, reachability, stale_after,
                                                unreachable_after, created_at, updated_at)
                VALUES (%(id)s, 'a Domain', %(slug)s, '', %(pool)s, %(policy)s, %(stale)s, %(unreachable)s,
                        %(now)s, %(now)s)
                """,
                id=domain,
                slug=uuid4().hex,
                pool=pool,
                policy=POLICY,
                stale=timedelta(seconds=90),
                unreachable=timedelta(seconds=300),
                now=NOON,
            )
        return domain, pool

    async def project(self, domain: DomainId) -> ProjectId:
        project = ProjectId(uuid7())
        async with connection(self.pool) as held:
            await execute(
                held,
                """
                INSERT INTO plexsphere.projects (id, domain_id, name, slug, description, created_at, updated_at)
                VALUES (%(id)s, %(domain)s, 'a Project', %(slug)s, '', %(now)s, %(now)s)
                """,
                id=project,
                domain=domain,
                slug=uuid4().hex,
                now=NOON,
            )
        return project

    async def resource(self, project: ProjectId, *, kind: str = "vm", ref: str | None = None) -> ResourceId:
        resource = ResourceId(uuid7())
        async with connection(self.pool) as held:
            await execute(
                held,
                """
                INSERT INTO plexsphere.resources (id, project_id, domain_id, kind, external_ref, origin, created_at,
                                                  updated_at)
                SELECT %(id)s, id, domain_id, %(kind)s, %(ref)s, 'adopted', %(now)s, %(now)s
                  FROM plexsphere.projects WHERE id = %(project)s
                """,
                id=resource,
                project=project,
                kind=kind,
                ref=ref,
                now=NOON,
            )
        return resource

    async def reserve(self, project: ProjectId, sub_range: Network | None) -> None:
        async with connection(self.pool) as held, held.transaction():
            await execute(
                held, "DELETE FROM plexsphere.project_mesh_ip_reservations WHERE project_id = %(id)s", id=project
            )
            if sub_range is not None:
                await execute(
                    held,
                    """
                    INSERT INTO plexsphere.project_mesh_ip_reservations (project_id, domain_id, mesh_cidr, sub_range)
                    SELECT project.id, domain.id, domain.mesh_cidr, %(sub_range)s
                      FROM plexsphere.projects AS project JOIN plexsphere.domains AS domain ON domain.id = domain_id
                     WHERE project.id = %(id)s
                    """,
                    id=project,
                    sub_range=sub_range,
                )

    async def move(self, domain: DomainId, pool: Network) -> None:
        async with connection(self.pool) as held:
            await execute(
                held, "UPDATE plexsphere.domains SET mesh_cidr = %(pool)s WHERE id = %(id)s", id=domain, pool=pool
            )

    async def facts(self, domain: DomainId) -> Sequence[tuple[str, Any]]:
        async with connection(self.pool) as held:
            rows = await fetch(
                held,
                "SELECT type, payload FROM plexsphere.outbox WHERE domain_id = %(id)s ORDER BY txid, position",
                id=domain,
            )
        return [(row["type"], row["payload"]) for row in rows]

    async def actions(self, domain: DomainId) -> Sequence[tuple[str, UUID, UUID]]:
        async with connection(self.pool) as held:
            rows = await fetch(
                held,
                """
                SELECT relation, object_id, identity_id FROM plexsphere.audit_intake
                 WHERE scope = %(id)s ORDER BY position
                """,
                id=domain,
            )
        return [(row["relation"], UUID(row["object_id"]), row["identity_id"]) for row in rows]

    async def one(self, statement: Any, **parameters: object) -> Any:
        """The first column of the first row of an answer, for tests that look behind the ports."""
        async with connection(self.pool) as held:
            row = await fetch_one(held, statement, **parameters)
        return next(iter(row.values())) if row else None
