"""Every operation of the API."""

from plexsphere_adapters.http import audit, bootstrap_tokens, mesh, meta, nodes, register, resources, tenancy
from plexsphere_adapters.http.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    *meta.OPERATIONS,
    *tenancy.OPERATIONS,
    *resources.OPERATIONS,
    *bootstrap_tokens.OPERATIONS,
    *register.OPERATIONS,
    *nodes.OPERATIONS,
    *mesh.OPERATIONS,
    *audit.OPERATIONS,
)
