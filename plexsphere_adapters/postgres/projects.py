"""Projects in PostgreSQL, with what they reserve of their Domain's pool."""

from collections.abc import Mapping
from typing import LiteralString

from attrs import frozen
from psycopg.errors import ForeignKeyViolation, RestrictViolation
from psycopg.rows import DictRow

from plexsphere_adapters.postgres.constraints import Meaning, meaning
from plexsphere_adapters.postgres.sql import Connection, execute, fetch, fetch_one
from plexsphere_domain.kernel.ids import DomainId, ProjectId
from plexsphere_domain.kernel.paging import Page, PageRequest
from plexsphere_domain.tenancy.cidr import MeshCidr
from plexsphere_domain.tenancy.counts import ProjectChildCounts
from plexsphere_domain.tenancy.naming import Description, Name, Slug
from plexsphere_domain.tenancy.pool import Reservation
from plexsphere_domain.tenancy.projects.errors import (
    ParentDomainMissing,
    ProjectNotEmpty,
    ProjectSlugConflict,
    SubRangeOverlap,
)
from plexsphere_domain.tenancy.projects.model import Project

CONSTRAINTS: Mapping[str, Meaning] = {
    "projects_domain_fk": ParentDomainMissing,
    "projects_slug_uq": ProjectSlugConflict,
    "project_mesh_ip_reservations_sibling_ex": SubRangeOverlap,
}

SELECT: LiteralString = """
SELECT p.*, r.sub_range
  FROM plexsphere.projects p
  LEFT JOIN plexsphere.project_mesh_ip_reservations r ON r.project_id = p.id
"""


@frozen
class PostgresProjects:
    """The Projects, in the transaction that holds `connection`."""

    connection: Connection

    async def add(self, project: Project) -> None:
        with meaning(CONSTRAINTS):
            await execute(
                self.connection,
                """
                INSERT INTO plexsphere.projects (id, domain_id, name, slug, description, created_at, updated_at)
                VALUES (%(id)s, %(domain)s, %(name)s, %(slug)s, %(description)s, %(created_at)s, %(updated_at)s)
                """,
                id=project.id,
                domain=project.domain_id,
                name=project.name,
                slug=project.slug,
                description=project.description,
                created_at=project.created_at,
                updated_at=project.updated_at,
            )
        if project.sub_range is not None:
            await self._reserve(project, project.sub_range)

    async def get(self, id: ProjectId) -> Project | None:
        row = await fetch_one(self.connection, SELECT + "WHERE p.id = %(id)s", id=id)
        return _project(row) if row else None

    async def claimed(self, id: ProjectId) -> Project | None:
        row = await fetch_one(self.connection, SELECT + "WHERE p.id = %(id)s FOR UPDATE OF p", id=id)
        return _project(row) if row else None

    async def page(self, request: PageRequest, *, domain: DomainId | None) -> Page[Project]:
        slug, project_id = request.after or (None, None)
        rows = await fetch(
            self.connection,
            SELECT
            + """
             WHERE (%(domain)s::uuid IS NULL OR p.domain_id = %(domain)s)
               AND (%(slug)s::text IS NULL OR (p.slug, p.id) > (%(slug)s, %(id)s::uuid))
             ORDER BY p.slug, p.id
             LIMIT %(limit)s
            """,
            domain=domain,
            slug=slug,
            id=project_id,
            limit=request.limit + 1,
        )
        return Page.cut(map(_project, rows), request, lambda project: (project.slug, str(project.id)))

    async def save(self, project: Project) -> None:
        await execute(
            self.connection,
            """
            UPDATE plexsphere.projects
               SET name = %(name)s, description = %(description)s, updated_at = %(updated_at)s
             WHERE id = %(id)s
            """,
            id=project.id,
            name=project.name,
            description=project.description,
            updated_at=project.updated_at,
        )
        if project.sub_range is None:
            await self._release(project.id)
        else:
            await self._reserve(project, project.sub_range)

    async def reservation_outside(self, domain: DomainId, pool: MeshCidr) -> Reservation | None:
        row = await fetch_one(
            self.connection,
            """
            SELECT project_id, sub_range
              FROM plexsphere.project_mesh_ip_reservations
             WHERE domain_id = %(domain)s AND NOT sub_range <<= %(pool)s
             ORDER BY sub_range
             LIMIT 1
            """,
            domain=domain,
            pool=pool.network,
        )
        return _reservation(row) if row else None

    async def reservation_of_sibling(self, project: Project) -> Reservation | None:
        if project.sub_range is None:
            return None
        row = await fetch_one(
            self.connection,
            """
            SELECT project_id, sub_range
              FROM plexsphere.project_mesh_ip_reservations
             WHERE domain_id = %(domain)s AND sub_range && %(range)s AND project_id <> %(id)s
             ORDER BY sub_range
             LIMIT 1
            """,
            domain=project.domain_id,
            range=project.sub_range.network,
            id=project.id,
        )
        return _reservation(row) if row else None

    async def child_counts(self, id: ProjectId) -> ProjectChildCounts:
        row = await fetch_one(
            self.connection,
            """
            SELECT (SELECT count(*) FROM plexsphere.resources WHERE project_id = %(id)s) AS resources,
                   (SELECT count(*) FROM plexsphere.nodes WHERE project_id = %(id)s) AS nodes,
                   (SELECT count(*) FROM plexsphere.relation_tuples WHERE granted_in = %(id)s) AS relation_tuples
            """,
            id=id,
        )
        return ProjectChildCounts(**row or {})

    async def remove(self, id: ProjectId) -> None:
        try:
            async with self.connection.transaction():
                await self._release(id)
                await execute(
                    self.connection, "DELETE FROM plexsphere.bootstrap_tokens WHERE project_id = %(id)s", id=id
                )
                await execute(self.connection, "DELETE FROM plexsphere.projects WHERE id = %(id)s", id=id)
        except (ForeignKeyViolation, RestrictViolation) as violation:
            raise ProjectNotEmpty(await self.child_counts(id)) from violation

    async def _reserve(self, project: Project, sub_range: MeshCidr) -> None:
        with meaning(CONSTRAINTS):
            await execute(
                self.connection,
                """
                INSERT INTO plexsphere.project_mesh_ip_reservations AS r (project_id, domain_id, mesh_cidr, sub_range)
                SELECT %(id)s, id, mesh_cidr, %(range)s FROM plexsphere.domains WHERE id = %(domain)s
                    ON CONFLICT (project_id) DO UPDATE SET sub_range = excluded.sub_range
                 WHERE r.sub_range <> excluded.sub_range
                """,
                id=project.id,
                domain=project.domain_id,
                range=sub_range.network,
            )

    async def _release(self, id: ProjectId) -> None:
        await execute(
            self.connection, "DELETE FROM plexsphere.project_mesh_ip_reservations WHERE project_id = %(id)s", id=id
        )


def _project(row: DictRow) -> Project:
    return Project(
        id=row["id"],
        domain_id=row["domain_id"],
        name=Name(row["name"]),
        slug=Slug(row["slug"]),
        description=Description(row["description"]),
        sub_range=MeshCidr(row["sub_range"]) if row["sub_range"] is not None else None,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _reservation(row: DictRow) -> Reservation:
    return Reservation(row["project_id"], MeshCidr(row["sub_range"]))
