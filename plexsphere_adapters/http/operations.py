"""Every operation of the API."""

from plexsphere_adapters.http import audit, meta, tenancy
from plexsphere_adapters.http.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    *meta.OPERATIONS,
    *tenancy.OPERATIONS,
    *audit.OPERATIONS,
)
