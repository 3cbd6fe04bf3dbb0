"""Mesh addresses: the Domain's turn, and the free ranges of its pools.

The turn is an advisory lock that lasts until the transaction ends. Free ranges are kept in order by the primary key, so
the lowest free address is the first entry of an index range, whatever the size of the pool. They are derived data:
where a pool is missing, because it is new or because a trigger dropped it when prefixes changed, it is computed from
the addresses that live Nodes hold.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from attrs import frozen
from psycopg.errors import LockNotAvailable

from plexsphere_adapters.postgres.sql import Connection, execute, fetch, fetch_one
from plexsphere_domain.kernel.ids import DomainId, ProjectId
from plexsphere_domain.mesh.addresses.errors import AllocatorContention, PoolExhausted, SubrangeExhausted
from plexsphere_domain.mesh.addresses.model import Address, AddressRange, Network, free_ranges, hosts

PATIENCE = timedelta(seconds=5)
"""How long a caller waits for its turn."""


@frozen
class PostgresMeshAddresses:
    """`MeshAddresses` on the transaction that holds `connection`."""

    connection: Connection
    patience: timedelta = PATIENCE

    async def allocate(self, domain: DomainId, project: ProjectId) -> Address:
        await self._turn(domain)
        taken = await self._take(domain, project)
        if not taken["built"]:
            await self._build(domain, taken["owner_id"])
            taken = await self._take(domain, project)
        if taken["address"] is not None:
            return cast("Address", taken["address"])
        raise PoolExhausted(domain) if taken["owner_id"] == domain else SubrangeExhausted(project)

    async def release(self, domain: DomainId, *addresses: Address) -> None:
        await self._turn(domain)
        await execute(
            self.connection,
            """
            INSERT INTO plexsphere.mesh_free_ranges (domain_id, owner_id, first_ip, last_ip)
            SELECT pool.domain_id, pool.owner_id, freed.address, freed.address
              FROM unnest(%(addresses)s::inet[]) AS freed (address)
              LEFT JOIN plexsphere.project_mesh_ip_reservations AS reserved
                ON reserved.domain_id = %(domain)s AND reserved.sub_range >>= freed.address
              JOIN plexsphere.mesh_pools AS pool
                ON pool.domain_id = %(domain)s
               AND pool.owner_id = coalesce(reserved.project_id, %(domain)s)
               AND freed.address BETWEEN pool.first_ip AND pool.last_ip
            """,
            domain=domain,
            addresses=list(addresses),
        )

    async def _turn(self, domain: DomainId) -> None:
        await self.connection.execute(
            "SELECT set_config('lock_timeout', %(patience)s, true)",
            {"patience": str(self.patience // timedelta(milliseconds=1))},
        )
        try:
            await self.connection.execute("SELECT plexsphere.take_mesh_turn(%(domain)s)", {"domain": domain})
        except LockNotAvailable as busy:
            raise AllocatorContention(domain) from busy

    async def _take(self, domain: DomainId, project: ProjectId) -> dict[str, Any]:
        """The pool that serves the Project: whose it is, whether it is built, and the lowest address out of it."""
        row = await fetch_one(
            self.connection,
            """
            WITH pool AS (
                SELECT coalesce((SELECT project_id FROM plexsphere.project_mesh_ip_reservations
                                  WHERE project_id = %(project)s), %(domain)s) AS owner_id
            ), lowest AS (
                SELECT free.* FROM plexsphere.mesh_free_ranges AS free, pool
                 WHERE free.domain_id = %(domain)s AND free.owner_id = pool.owner_id
                 ORDER BY free.first_ip
                 LIMIT 1
            ), used AS (
                DELETE FROM plexsphere.mesh_free_ranges AS free USING lowest
                 WHERE (free.domain_id, free.owner_id, free.first_ip)
                     = (lowest.domain_id, lowest.owner_id, lowest.first_ip)
            ), rest AS (
                INSERT INTO plexsphere.mesh_free_ranges (domain_id, owner_id, first_ip, last_ip)
                SELECT domain_id, owner_id, first_ip + 1, last_ip FROM lowest WHERE first_ip < last_ip
            )
            SELECT pool.owner_id,
                   (SELECT first_ip FROM lowest) AS address,
                   EXISTS (SELECT FROM plexsphere.mesh_pools
                            WHERE domain_id = %(domain)s AND owner_id = pool.owner_id) AS built
              FROM pool
            """,
            domain=domain,
            project=project,
        )
        assert row is not None
        return row

    async def _build(self, domain: DomainId, owner: UUID) -> None:
        """Compute a pool's free ranges from what is reserved and taken."""
        row = await fetch_one(
            self.connection,
            """
            SELECT coalesce((SELECT sub_range FROM plexsphere.project_mesh_ip_reservations
                              WHERE project_id = %(owner)s),
                            (SELECT mesh_cidr FROM plexsphere.domains WHERE id = %(domain)s)) AS prefix,
                   ARRAY(SELECT sub_range FROM plexsphere.project_mesh_ip_reservations
                          WHERE domain_id = %(domain)s AND project_id <> %(owner)s) AS reserved
            """,
            domain=domain,
            owner=owner,
        )
        assert row is not None
        within = hosts(row["prefix"])
        taken = await fetch(
            self.connection,
            """
            SELECT mesh_ip FROM plexsphere.nodes
             WHERE domain_id = %(domain)s AND mesh_ip BETWEEN %(first)s AND %(last)s
            """,
            domain=domain,
            first=within.first,
            last=within.last,
        )
        reserved: Sequence[Network] = row["reserved"]
        ranges = free_ranges(within, reserved=reserved, taken=(one["mesh_ip"] for one in taken))
        await self._store(domain, owner, within, ranges)

    async def _store(self, domain: DomainId, owner: UUID, within: AddressRange, ranges: Sequence[AddressRange]) -> None:
        await execute(
            self.connection,
            """
            WITH pool AS (
                INSERT INTO plexsphere.mesh_pools (domain_id, owner_id, first_ip, last_ip)
                VALUES (%(domain)s, %(owner)s, %(first)s, %(last)s)
            )
            INSERT INTO plexsphere.mesh_free_ranges (domain_id, owner_id, first_ip, last_ip)
            SELECT %(domain)s, %(owner)s, first_ip, last_ip
              FROM unnest(%(firsts)s::inet[], %(lasts)s::inet[]) AS free (first_ip, last_ip)
            """,
            domain=domain,
            owner=owner,
            first=within.first,
            last=within.last,
            firsts=[one.first for one in ranges],
            lasts=[one.last for one in ranges],
        )
