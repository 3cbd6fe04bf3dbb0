"""Resources in PostgreSQL."""

from collections.abc import Mapping

from attrs import frozen
from psycopg.rows import DictRow

from plexsphere_adapters.postgres.constraints import Meaning, meaning
from plexsphere_adapters.postgres.sql import Connection, execute, fetch, fetch_one
from plexsphere_domain.kernel.ids import ProjectId, ResourceId
from plexsphere_domain.kernel.paging import Page, PageRequest
from plexsphere_domain.tenancy.projects.errors import ProjectNotFound
from plexsphere_domain.tenancy.resources.errors import ResourceExternalRefConflict
from plexsphere_domain.tenancy.resources.model import Origin, Resource

CONSTRAINTS: Mapping[str, Meaning] = {
    "resources_project_fk": ProjectNotFound,
    "resources_external_ref_uq": ResourceExternalRefConflict,
}


@frozen
class PostgresResources:
    """The Resources, in the transaction that holds `connection`."""

    connection: Connection

    async def add(self, resource: Resource) -> None:
        with meaning(CONSTRAINTS):
            await execute(
                self.connection,
                """
                INSERT INTO plexsphere.resources
                       (id, project_id, domain_id, kind, external_ref, origin, created_at, updated_at)
                VALUES (%(id)s, %(project)s, %(domain)s, %(kind)s, %(external_ref)s, %(origin)s, %(created_at)s,
                        %(updated_at)s)
                """,
                id=resource.id,
                project=resource.project_id,
                domain=resource.domain_id,
                kind=resource.kind,
                external_ref=resource.external_ref,
                origin=resource.origin.value,
                created_at=resource.created_at,
                updated_at=resource.updated_at,
            )

    async def get(self, id: ResourceId) -> Resource | None:
        row = await fetch_one(self.connection, "SELECT * FROM plexsphere.resources WHERE id = %(id)s", id=id)
        return _resource(row) if row else None

    async def claimed(self, id: ResourceId) -> Resource | None:
        row = await fetch_one(self.connection, "SELECT * FROM plexsphere.resources WHERE id = %(id)s FOR UPDATE", id=id)
        return _resource(row) if row else None

    async def page(self, project: ProjectId, request: PageRequest) -> Page[Resource]:
        created_at, resource_id = request.after or (None, None)
        rows = await fetch(
            self.connection,
            """
            SELECT *
              FROM plexsphere.resources
             WHERE project_id = %(project)s
               AND (%(id)s::uuid IS NULL OR (created_at, id) > (%(created_at)s::timestamptz, %(id)s::uuid))
             ORDER BY created_at, id
             LIMIT %(limit)s
            """,
            project=project,
            created_at=created_at,
            id=resource_id,
            limit=request.limit + 1,
        )
        return Page.cut(
            map(_resource, rows), request, lambda resource: (resource.created_at.isoformat(), str(resource.id))
        )

    async def remove(self, id: ResourceId) -> None:
        await execute(self.connection, "DELETE FROM plexsphere.resources WHERE id = %(id)s", id=id)


def _resource(row: DictRow) -> Resource:
    return Resource(**row | {"origin": Origin(row["origin"])})
