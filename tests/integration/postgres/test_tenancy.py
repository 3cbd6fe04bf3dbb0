"""Tenancy in PostgreSQL keeps the promises of every store, and the schema keeps them from everybody else."""

from typing import Any, ClassVar, LiteralString, Self
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors

from plexsphere_adapters.postgres.bootstrap_tokens import PostgresBootstrapTokens
from plexsphere_adapters.postgres.domains import PostgresDomains
from plexsphere_adapters.postgres.journal import PostgresJournal
from plexsphere_adapters.postgres.pool import Config, Pool, connection
from plexsphere_adapters.postgres.projects import PostgresProjects
from plexsphere_adapters.postgres.resources import PostgresResources
from plexsphere_adapters.postgres.transaction import PostgresTransactions
from plexsphere_adapters.system import uuid7
from plexsphere_domain.kernel.ids import NodeId
from plexsphere_domain.kernel.paging import PageRequest
from plexsphere_domain.mesh.nodes.retirement import NodeRetirement
from plexsphere_domain.tenancy.cidr import Address
from plexsphere_domain.tenancy.projects.errors import ProjectNotEmpty
from plexsphere_domain.tenancy.resources.model import Resource
from plexsphere_domain.tenancy.resources.service import Resources
from tests.ports.domains import DomainContract
from tests.ports.projects import ProjectContract
from tests.ports.resources import ResourceContract
from tests.ports.tenancy import BY, Settle, Tenancy, Ticking, node_on, part_of


@pytest.fixture
def transactions(pool: Pool) -> PostgresTransactions:
    clock = Ticking()
    return PostgresTransactions(
        pool=pool, clock=clock, new_id=uuid7, journals=lambda held: PostgresJournal(connection=held, clock=clock)
    )


@pytest.fixture
def settle(transactions: PostgresTransactions) -> Settle:
    async def settled(resource: Resource, mesh_ip: Address) -> NodeId:
        node, nsk = node_on(resource, mesh_ip)
        async with transactions.begin() as tx:
            await tx.nodes.add(node, nsk)
        return node.id

    return settled


class TestPostgresDomains(DomainContract): ...


class TestPostgresProjects(ProjectContract):
    async def test_tuples_that_operators_granted_count_and_structural_ones_do_not(
        self, tenancy: Tenancy, pool: Pool
    ) -> None:
        project = await tenancy.project(await tenancy.domain())
        async with connection(pool) as held:
            await held.execute(
                """
                INSERT INTO plexsphere.relation_tuples
                       (object_type, object_id, relation, subject_type, subject_id, granted_in)
                VALUES ('project', %(id)s, 'parent', 'domain', 'd', NULL),
                       ('project', %(id)s, 'observer', 'user', 'u', %(id)s::uuid)
                """,
                {"id": str(project.id)},
            )
        with pytest.raises(ProjectNotEmpty) as refused:
            await tenancy.projects.delete(project.id, by=BY)
        assert refused.value.children.relation_tuples == 1
        async with connection(pool) as held:
            await held.execute("DELETE FROM plexsphere.relation_tuples WHERE granted_in = %s", (project.id,))
        await tenancy.projects.delete(project.id, by=BY)


class TestPostgresResources(ResourceContract):
    async def test_a_resource_goes_with_its_nodes(
        self, tenancy: Tenancy, transactions: PostgresTransactions, settle: Settle, pool: Pool
    ) -> None:
        domain = await tenancy.domain()
        project = await tenancy.project(domain)
        resource = await tenancy.resource(project)
        node = await settle(resource, domain.mesh_cidr.network[7])
        resources = Resources(
            transactions=transactions,
            clock=tenancy.clock,
            new_id=uuid7,
            observable=tenancy.sight,
            retirement=NodeRetirement(tenancy.clock),
        )
        await resources.delete(resource.id, by=BY)
        async with connection(pool) as held:
            buried = await held.execute("SELECT node_id FROM plexsphere.node_tombstones WHERE node_id = %s", (node,))
            assert await buried.fetchone() == (node,)
        await tenancy.projects.delete(project.id, by=BY)
        await tenancy.domains.delete(domain.id, by=BY)


@pytest.fixture
def raw(database: Config) -> psycopg.Connection:
    """A connection that knows nothing of the domain's rules."""
    return psycopg.connect(database.dsn.reveal(), autocommit=True)


class TestSchema:
    @pytest.fixture
    def tenancy(self, transactions: PostgresTransactions) -> Tenancy:
        return Tenancy(transactions)

    async def test_a_reservation_outside_the_pool_is_impossible(
        self, tenancy: Tenancy, raw: psycopg.Connection
    ) -> None:
        domain = await tenancy.domain()
        project = await tenancy.project(domain, sub_range_cidr=part_of(domain, 25, at=1))
        with raw, pytest.raises(errors.CheckViolation, match="project_mesh_ip_reservations_pool_ck"):
            raw.execute("UPDATE plexsphere.domains SET mesh_cidr = %s WHERE id = %s", (part_of(domain, 25), domain.id))
        assert (await tenancy.projects.get(project.id)).sub_range == project.sub_range

    async def test_a_reservation_under_another_pool_is_impossible(
        self, tenancy: Tenancy, raw: psycopg.Connection
    ) -> None:
        domain = await tenancy.domain()
        project = await tenancy.project(domain)
        with raw, pytest.raises(errors.ForeignKeyViolation, match="project_mesh_ip_reservations_pool_fk"):
            raw.execute(
                "INSERT INTO plexsphere.project_mesh_ip_reservations VALUES (%s, %s, '192.0.2.0/24', '192.0.2.0/28')",
                (project.id, domain.id),
            )

    async def test_the_copy_of_the_pool_follows_the_pool(self, tenancy: Tenancy, raw: psycopg.Connection) -> None:
        domain = await tenancy.domain()
        project = await tenancy.project(domain, sub_range_cidr=part_of(domain, 26))
        smaller = part_of(domain, 25)
        with raw:
            raw.execute("UPDATE plexsphere.domains SET mesh_cidr = %s WHERE id = %s", (smaller, domain.id))
            row = raw.execute(
                "SELECT mesh_cidr::text FROM plexsphere.project_mesh_ip_reservations WHERE project_id = %s",
                (project.id,),
            ).fetchone()
        assert row == (smaller,)

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE plexsphere.domains SET slug = 'Not Kebab' WHERE id = %s",
            "UPDATE plexsphere.domains SET name = '' WHERE id = %s",
            "UPDATE plexsphere.domains SET region = '-' WHERE id = %s",
        ],
    )
    async def test_rows_that_break_a_rule_are_impossible(
        self, tenancy: Tenancy, raw: psycopg.Connection, statement: LiteralString
    ) -> None:
        domain = await tenancy.domain()
        with raw, pytest.raises(errors.CheckViolation):
            raw.execute(statement, (domain.id,))

    async def test_foreign_keys_restrict(self, raw: psycopg.Connection) -> None:
        with raw:
            rows = raw.execute(
                """
                SELECT conname FROM pg_constraint
                 WHERE contype = 'f' AND confdeltype <> 'r'
                   AND conrelid = ANY('{plexsphere.projects,plexsphere.project_mesh_ip_reservations,
                                        plexsphere.resources,plexsphere.bootstrap_tokens}'::regclass[])
                """
            ).fetchall()
        assert rows == []


class CountingCursor(psycopg.AsyncCursor[Any]):
    """Counts the statements of its connection."""

    statements: ClassVar[int] = 0

    async def execute(self, *arguments: Any, **more: Any) -> Self:
        type(self).statements += 1
        return await super().execute(*arguments, **more)


async def test_a_page_costs_one_statement_however_long_it_is(
    transactions: PostgresTransactions, database: Config
) -> None:
    tenancy = Tenancy(transactions)
    domain = await tenancy.domain(slug=f"zzzz-{uuid4().hex}")
    project = await tenancy.project(domain, sub_range_cidr=part_of(domain, 28))
    for _ in range(3):
        await tenancy.resource(await tenancy.project(domain))
        await tenancy.resource(project)
    async with await psycopg.AsyncConnection.connect(database.dsn.reveal(), cursor_factory=CountingCursor) as counted:
        for page in (
            PostgresDomains(counted).page(PageRequest(after=(domain.slug[:-1],))),
            PostgresProjects(counted).page(PageRequest(), domain=domain.id),
            PostgresResources(counted).page(project.id, PageRequest()),
            PostgresBootstrapTokens(counted).page(project.id, PageRequest()),
        ):
            before = CountingCursor.statements
            await page
            assert CountingCursor.statements == before + 1
