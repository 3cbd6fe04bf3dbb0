"""Nodes: the live ones, their credentials, and what their peers have to learn of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from attrs import frozen

from plexsphere_adapters.coalesce import Coalescer
from plexsphere_adapters.postgres.heartbeats import STANDING_COLUMNS, STANDING_TABLES, standing_of
from plexsphere_adapters.postgres.pool import Pool, connection
from plexsphere_adapters.postgres.sql import Connection, execute, fetch, fetch_one
from plexsphere_domain.kernel.ids import BootstrapTokenId, DomainId, NodeId, ResourceId
from plexsphere_domain.kernel.paging import Page, PageRequest
from plexsphere_domain.kernel.sealing import Sealed
from plexsphere_domain.mesh.nodes.model import (
    LiveCredential,
    Node,
    NodeCredential,
    Peer,
    RevokedCredential,
    StoredNsk,
)
from plexsphere_domain.mesh.nodes.ports import NodeSummary
from plexsphere_domain.mesh.nodes.public_key import X25519PublicKey
from plexsphere_domain.mesh.nodes.secret_key import NskDigest
from plexsphere_domain.mesh.state.directory import PeerChanges


@frozen
class PostgresNodes:
    """`Nodes` on the transaction that holds `connection`."""

    connection: Connection

    async def add(self, node: Node, nsk: StoredNsk) -> None:
        await execute(
            self.connection,
            """
            WITH moved AS (
                INSERT INTO plexsphere.mesh_versions AS known (domain_id, version) VALUES (%(domain_id)s, 1)
                    ON CONFLICT (domain_id) DO UPDATE SET version = known.version + 1
                RETURNING version
            ), node AS (
                INSERT INTO plexsphere.nodes (id, domain_id, project_id, resource_id, bootstrap_token_id, mesh_ip,
                                              public_key, peers_version, registered_at)
                SELECT %(id)s, %(domain_id)s, %(project_id)s, %(resource_id)s, %(bootstrap_token_id)s, %(mesh_ip)s,
                       %(public_key)s, version, %(registered_at)s
                  FROM moved
            ), secret AS (
                INSERT INTO plexsphere.node_secrets (node_id, nsk_sha256, nsk_sealed, wrap_key_id)
                VALUES (%(id)s, %(nsk_sha256)s, %(nsk_sealed)s, %(wrap_key_id)s)
            )
            INSERT INTO plexsphere.node_heartbeats (node_id, domain_id, enrolled_at)
            VALUES (%(id)s, %(domain_id)s, %(registered_at)s)
            """,
            id=node.id,
            domain_id=node.domain_id,
            project_id=node.project_id,
            resource_id=node.resource_id,
            bootstrap_token_id=node.bootstrap_token_id,
            mesh_ip=node.mesh_ip,
            public_key=node.public_key.raw,
            registered_at=node.registered_at,
            nsk_sha256=nsk.digest.raw,
            nsk_sealed=nsk.sealed.ciphertext,
            wrap_key_id=nsk.sealed.wrap_key_id,
        )

    async def enrolled_with(self, token: BootstrapTokenId) -> tuple[Node, StoredNsk] | None:
        row = await fetch_one(
            self.connection,
            """
            SELECT id, domain_id, project_id, resource_id, bootstrap_token_id, mesh_ip, public_key, registered_at,
                   nsk_sha256, nsk_sealed, wrap_key_id
              FROM plexsphere.nodes
              JOIN plexsphere.node_secrets ON node_id = id
             WHERE bootstrap_token_id = %(token)s
            """,
            token=token,
        )
        if row is None:
            return None
        return _node(row), StoredNsk(Sealed(row["wrap_key_id"], row["nsk_sealed"]), NskDigest(row["nsk_sha256"]))

    async def of_resource(self, resource: ResourceId) -> Sequence[Node]:
        await execute(
            self.connection,
            "SELECT FROM plexsphere.resources WHERE id = %(resource)s FOR UPDATE",
            resource=resource,
        )
        rows = await fetch(
            self.connection,
            """
            SELECT id, domain_id, project_id, resource_id, bootstrap_token_id, mesh_ip, public_key, registered_at
              FROM plexsphere.nodes
             WHERE resource_id = %(resource)s
             ORDER BY id
            """,
            resource=resource,
        )
        return [_node(row) for row in rows]

    async def bury(self, nodes: Sequence[Node], at: datetime) -> None:
        await execute(
            self.connection,
            """
            WITH moved AS (
                UPDATE plexsphere.mesh_versions SET version = version + 1 WHERE domain_id = %(domain)s RETURNING version
            ), tombstones AS (
                INSERT INTO plexsphere.node_tombstones (node_id, domain_id, nsk_sha256, peers_version, deregistered_at)
                SELECT node_id, %(domain)s, nsk_sha256, version, %(at)s
                  FROM plexsphere.node_secrets, moved
                 WHERE node_id = ANY(%(nodes)s)
            )
            DELETE FROM plexsphere.nodes WHERE id = ANY(%(nodes)s)
            """,
            domain=nodes[0].domain_id,
            nodes=[node.id for node in nodes],
            at=at,
        )


@frozen
class PostgresNodeDirectory:
    """`NodeDirectory`: the list of Nodes, ascending by id."""

    pool: Pool

    async def page(self, request: PageRequest, domain: DomainId | None) -> Page[NodeSummary]:
        async with connection(self.pool) as held:
            rows = await fetch(
                held,
                """
                SELECT id, domain_id, registered_at AS created_at
                  FROM plexsphere.nodes
                 WHERE (%(after)s::uuid IS NULL OR id > %(after)s)
                   AND (%(domain)s::uuid IS NULL OR domain_id = %(domain)s)
                 ORDER BY id
                 LIMIT %(limit)s
                """,
                after=UUID(request.after[0]) if request.after else None,
                domain=domain,
                limit=request.limit + 1,
            )
        return Page.cut((NodeSummary(**row) for row in rows), request, lambda node: (str(node.id),))

    async def domain_of(self, node: NodeId) -> DomainId | None:
        async with connection(self.pool) as held:
            row = await fetch_one(held, "SELECT domain_id FROM plexsphere.nodes WHERE id = %(node)s", node=node)
        return row["domain_id"] if row else None


_CREDENTIALS: LiteralString = f"""
    SELECT secret.nsk_sha256, {STANDING_COLUMNS}
      FROM {STANDING_TABLES}
      JOIN plexsphere.node_secrets AS secret ON secret.node_id = beat.node_id
     WHERE beat.node_id = ANY(%(nodes)s)
"""  # noqa: S608


class PostgresNodeCredentials:
    """`NodeCredentialLookup`: concurrent requests share a statement. It tells the standing too, for the pulls."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._coalesced: Coalescer[NodeId, NodeCredential | None] = Coalescer(self._of_all)

    async def __call__(self, node: NodeId) -> NodeCredential | None:
        return await self._coalesced(node)

    async def _of_all(self, nodes: list[NodeId]) -> list[NodeCredential | None]:
        async with connection(self._pool) as held:
            cursor = await held.execute(_CREDENTIALS, {"nodes": nodes})
            found: dict[UUID, NodeCredential] = {
                row[1]: LiveCredential(row[2], NskDigest(row[0]), standing_of(*row[1:]))
                for row in await cursor.fetchall()
            }
            retired = [node for node in nodes if node not in found]
            if retired:
                found |= await self._retired(held, retired)
        return [found.get(node) for node in nodes]

    async def _retired(self, held: Connection, nodes: list[NodeId]) -> dict[UUID, RevokedCredential]:
        cursor = await held.execute(
            "SELECT node_id, nsk_sha256 FROM plexsphere.node_tombstones WHERE node_id = ANY(%(nodes)s)",
            {"nodes": nodes},
        )
        return {node: RevokedCredential(NskDigest(digest)) for node, digest in await cursor.fetchall()}


@frozen
class PostgresPeerLog:
    """`PeerLog`: one statement, hence one snapshot."""

    pool: Pool

    async def since(self, domain: DomainId, version: int) -> PeerChanges:
        async with connection(self.pool) as held:
            cursor = await held.execute(
                """
                SELECT moved.version, node.id, node.mesh_ip, node.public_key, node.fallback_endpoint
                  FROM plexsphere.mesh_versions AS moved
                  LEFT JOIN plexsphere.nodes AS node
                    ON node.domain_id = moved.domain_id AND node.peers_version > %(version)s
                 WHERE moved.domain_id = %(domain)s
                UNION ALL
                SELECT 0, node_id, NULL, NULL, NULL
                  FROM plexsphere.node_tombstones
                 WHERE %(version)s > 0 AND domain_id = %(domain)s AND peers_version > %(version)s
                """,
                {"domain": domain, "version": version},
            )
            rows = await cursor.fetchall()
        return PeerChanges(
            version=max((row[0] for row in rows), default=0),
            live=tuple(_peer(*row[1:]) for row in rows if row[0] and row[1]),
            gone=tuple(NodeId(row[1]) for row in rows if not row[0]),
        )


def _peer(id: UUID, mesh_ip: Any, public_key: bytes, fallback_endpoint: str | None) -> Peer:
    return Peer(
        node_id=NodeId(id),
        mesh_ip=mesh_ip,
        public_key=X25519PublicKey(public_key),
        fallback_endpoint=fallback_endpoint,
    )


def _node(row: dict[str, Any]) -> Node:
    return Node(
        id=row["id"],
        domain_id=row["domain_id"],
        project_id=row["project_id"],
        resource_id=row["resource_id"],
        bootstrap_token_id=row["bootstrap_token_id"],
        mesh_ip=row["mesh_ip"],
        public_key=X25519PublicKey(row["public_key"]),
        registered_at=row["registered_at"],
    )
