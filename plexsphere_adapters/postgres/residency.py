"""Which Domain an object of the relation graph belongs to."""

from collections import OrderedDict
from collections.abc import Sequence

from plexsphere_adapters.coalesce import Coalescer
from plexsphere_adapters.postgres.pool import Pool, connection
from plexsphere_adapters.postgres.sql import fetch
from plexsphere_domain.authz.model import ObjectRef, ObjectType
from plexsphere_domain.kernel.ids import DomainId, parse_id

SIZE = 100_000


class PostgresResidency:
    """Implements `Residency`. What lives in a Domain never moves to another, so what was found stays true."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._look_up: Coalescer[ObjectRef, DomainId | None] = Coalescer(self._of_all)
        self._found: OrderedDict[ObjectRef, DomainId] = OrderedDict()

    async def domain_of(self, object: ObjectRef) -> DomainId | None:
        if object.type is ObjectType.DOMAIN:
            return _domain(object.id)
        if object in self._found:
            return self._found[object]
        domain = await self._look_up(object)
        if domain is not None:
            self._found[object] = domain
            while len(self._found) > SIZE:
                self._found.popitem(last=False)
        return domain

    async def _of_all(self, objects: list[ObjectRef]) -> Sequence[DomainId | None]:
        ids = {kind: [o.id for o in objects if o.type is kind and _domain(o.id)] for kind in ObjectType}
        async with connection(self._pool) as held:
            rows = await fetch(
                held,
                """
                SELECT 'project' AS type, id, domain_id FROM plexsphere.projects WHERE id = ANY(%(projects)s::uuid[])
                 UNION ALL
                SELECT 'resource', id, domain_id FROM plexsphere.resources WHERE id = ANY(%(resources)s::uuid[])
                 UNION ALL
                SELECT 'node', id, domain_id FROM plexsphere.nodes WHERE id = ANY(%(nodes)s::uuid[])
                """,
                projects=ids[ObjectType.PROJECT],
                resources=ids[ObjectType.RESOURCE],
                nodes=ids[ObjectType.NODE],
            )
        found = {(row["type"], str(row["id"])): DomainId(row["domain_id"]) for row in rows}
        return [found.get((o.type.value, o.id)) for o in objects]


def _domain(id: str) -> DomainId | None:
    try:
        return DomainId(parse_id(id))
    except ValueError:
        return None
