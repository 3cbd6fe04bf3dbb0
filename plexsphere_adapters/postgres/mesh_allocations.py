"""What tenancy asks about the addresses that the mesh has given out."""

from attrs import frozen
from psycopg.rows import DictRow

from plexsphere_adapters.postgres.sql import Connection, fetch_one
from plexsphere_domain.kernel.ids import DomainId, ProjectId
from plexsphere_domain.tenancy.cidr import MeshCidr
from plexsphere_domain.tenancy.pool import Allocation


@frozen
class PostgresMeshAllocations:
    """The addresses of live Nodes, in the transaction that holds `connection`."""

    connection: Connection

    async def outside(self, domain: DomainId, pool: MeshCidr) -> Allocation | None:
        row = await fetch_one(
            self.connection,
            """
            SELECT id, mesh_ip
              FROM plexsphere.nodes
             WHERE domain_id = %(domain)s AND NOT mesh_ip <<= %(pool)s
             ORDER BY mesh_ip
             LIMIT 1
            """,
            domain=domain,
            pool=pool.network,
        )
        return _allocation(row) if row else None

    async def left_out(self, project: ProjectId, *, of: MeshCidr, by: MeshCidr) -> Allocation | None:
        row = await fetch_one(
            self.connection,
            """
            SELECT id, mesh_ip
              FROM plexsphere.nodes
             WHERE project_id = %(project)s AND mesh_ip <<= %(of)s AND NOT mesh_ip <<= %(by)s
             ORDER BY mesh_ip
             LIMIT 1
            """,
            project=project,
            of=of.network,
            by=by.network,
        )
        return _allocation(row) if row else None


def _allocation(row: DictRow) -> Allocation:
    return Allocation(row["id"], row["mesh_ip"])
