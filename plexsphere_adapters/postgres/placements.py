"""Where machines can enrol."""

from uuid import UUID

from attrs import frozen

from plexsphere_adapters.postgres.sql import Connection, fetch_one
from plexsphere_domain.identity.registration.errors import EnrolmentProjectNotFound, HandleNotFound
from plexsphere_domain.identity.registration.model import Placement
from plexsphere_domain.kernel.ids import ProjectId, parse_id


@frozen
class PostgresPlacements:
    """`Placements` on the transaction that holds `connection`."""

    connection: Connection

    async def find(self, project: ProjectId, handle: str) -> Placement:
        row = await fetch_one(
            self.connection,
            """
            SELECT domain.id AS domain_id, project.id AS project_id, resource.id AS resource_id,
                   resource.kind AS resource_kind, domain.mesh_cidr
              FROM plexsphere.projects AS project
              JOIN plexsphere.domains AS domain ON domain.id = project.domain_id
              LEFT JOIN LATERAL (
                       SELECT id, kind, 1 AS rank FROM plexsphere.resources
                        WHERE project_id = project.id AND external_ref = %(handle)s
                       UNION ALL
                       SELECT id, kind, 2 FROM plexsphere.resources WHERE project_id = project.id AND id = %(id)s
                        ORDER BY rank
                        LIMIT 1) AS resource ON true
             WHERE project.id = %(project)s
            """,
            project=project,
            handle=handle,
            id=_id(handle),
        )
        if row is None:
            raise EnrolmentProjectNotFound
        if row["resource_id"] is None:
            raise HandleNotFound
        return Placement(**row)

    async def hold(self, placement: Placement) -> Placement:
        row = await fetch_one(
            self.connection,
            """
            SELECT domain.id AS domain_id, project.id AS project_id, resource.id AS resource_id,
                   resource.kind AS resource_kind, domain.mesh_cidr
              FROM plexsphere.resources AS resource
              JOIN plexsphere.projects AS project ON project.id = resource.project_id
              JOIN plexsphere.domains AS domain ON domain.id = project.domain_id
             WHERE resource.id = %(resource)s
               FOR KEY SHARE
            """,
            resource=placement.resource_id,
        )
        if row is None:
            raise HandleNotFound
        return Placement(**row)


def _id(handle: str) -> UUID | None:
    try:
        return parse_id(handle)
    except ValueError:
        return None
