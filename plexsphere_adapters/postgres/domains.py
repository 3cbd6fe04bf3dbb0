"""Domains in PostgreSQL."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen
from psycopg.errors import ForeignKeyViolation, RestrictViolation
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from plexsphere_adapters.postgres.constraints import Meaning, meaning
from plexsphere_adapters.postgres.sql import Connection, execute, fetch, fetch_one
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.kernel.paging import Page, PageRequest
from plexsphere_domain.tenancy.cidr import MeshCidr
from plexsphere_domain.tenancy.counts import DomainChildCounts
from plexsphere_domain.tenancy.domains.durations import Duration
from plexsphere_domain.tenancy.domains.errors import DomainNotEmpty, DomainSlugConflict, MeshCidrOverlap
from plexsphere_domain.tenancy.domains.model import Domain
from plexsphere_domain.tenancy.domains.reachability import ReachabilityPolicy
from plexsphere_domain.tenancy.naming import Description, Name, Region, Slug

CONSTRAINTS: Mapping[str, Meaning] = {
    "domains_slug_uq": DomainSlugConflict,
    "domains_mesh_cidr_ex": MeshCidrOverlap,
}


@frozen
class PostgresDomains:
    """The Domains, in the transaction that holds `connection`."""

    connection: Connection

    async def add(self, domain: Domain) -> None:
        await self._pools_in_turn()
        with meaning(CONSTRAINTS):
            await execute(
                self.connection,
                """
                INSERT INTO plexsphere.domains
                       (id, name, slug, description, region, mesh_cidr, reachability, stale_after, unreachable_after,
                        created_at, updated_at)
                VALUES (%(id)s, %(name)s, %(slug)s, %(description)s, %(region)s, %(mesh_cidr)s, %(reachability)s,
                        %(stale_after)s, %(unreachable_after)s, %(created_at)s, %(updated_at)s)
                """,
                slug=domain.slug,
                created_at=domain.created_at,
                **_changeable(domain),
            )

    async def get(self, id: DomainId) -> Domain | None:
        row = await fetch_one(self.connection, "SELECT * FROM plexsphere.domains WHERE id = %(id)s", id=id)
        return _domain(row) if row else None

    async def held(self, id: DomainId) -> Domain | None:
        # Not FOR SHARE: two who share the row and then reserve overlapping ranges would wait for each other.
        row = await fetch_one(
            self.connection, "SELECT * FROM plexsphere.domains WHERE id = %(id)s FOR NO KEY UPDATE", id=id
        )
        return _domain(row) if row else None

    async def claimed(self, id: DomainId) -> Domain | None:
        row = await fetch_one(self.connection, "SELECT * FROM plexsphere.domains WHERE id = %(id)s FOR UPDATE", id=id)
        return _domain(row) if row else None

    async def page(self, request: PageRequest) -> Page[Domain]:
        (slug,) = request.after or (None,)
        rows = await fetch(
            self.connection,
            """
            SELECT *
              FROM plexsphere.domains
             WHERE %(slug)s::text IS NULL OR slug > %(slug)s
             ORDER BY slug
             LIMIT %(limit)s
            """,
            slug=slug,
            limit=request.limit + 1,
        )
        return Page.cut(map(_domain, rows), request, lambda domain: (domain.slug,))

    async def save(self, domain: Domain) -> None:
        await self._pools_in_turn()
        with meaning(CONSTRAINTS):
            await execute(
                self.connection,
                """
                UPDATE plexsphere.domains
                   SET name = %(name)s, description = %(description)s, region = %(region)s, mesh_cidr = %(mesh_cidr)s,
                       reachability = %(reachability)s, stale_after = %(stale_after)s,
                       unreachable_after = %(unreachable_after)s, updated_at = %(updated_at)s
                 WHERE id = %(id)s
                """,
                **_changeable(domain),
            )

    async def child_counts(self, id: DomainId) -> DomainChildCounts:
        row = await fetch_one(
            self.connection,
            """
            SELECT (SELECT count(*) FROM plexsphere.projects WHERE domain_id = %(id)s) AS projects,
                   (SELECT count(*) FROM plexsphere.nodes WHERE domain_id = %(id)s) AS nodes
            """,
            id=id,
        )
        return DomainChildCounts(**row or {})

    async def remove(self, id: DomainId) -> None:
        try:
            async with self.connection.transaction():
                await execute(self.connection, "DELETE FROM plexsphere.domains WHERE id = %(id)s", id=id)
        except (ForeignKeyViolation, RestrictViolation) as violation:
            raise DomainNotEmpty(await self.child_counts(id)) from violation

    async def _pools_in_turn(self) -> None:
        """Wait for whoever writes a pool: two overlapping ones at once would deadlock on the exclusion constraint."""
        await self.connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('plexsphere.mesh_cidr', 0))")


def _domain(row: DictRow) -> Domain:
    return Domain(
        id=row["id"],
        name=Name(row["name"]),
        slug=Slug(row["slug"]),
        description=Description(row["description"]),
        region=Region(row["region"]) if row["region"] is not None else None,
        mesh_cidr=MeshCidr(row["mesh_cidr"]),
        reachability=ReachabilityPolicy(**{name: Duration.parse(text) for name, text in row["reachability"].items()}),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _changeable(domain: Domain) -> dict[str, Any]:
    policy = domain.reachability
    return {
        "id": domain.id,
        "name": domain.name,
        "description": domain.description,
        "region": domain.region,
        "mesh_cidr": domain.mesh_cidr.network,
        "reachability": Jsonb(
            {
                "heartbeat_interval": policy.heartbeat_interval.text,
                "stale_after": policy.stale_after.text,
                "unreachable_after": policy.unreachable_after.text,
            }
        ),
        "stale_after": policy.stale_after.timedelta,
        "unreachable_after": policy.unreachable_after.timedelta,
        "updated_at": domain.updated_at,
    }
