"""How the vocabulary of the gates is spelled in sql/authz/schema.zed.

SpiceDB names hold no hyphen, and a permission cannot share its name with a relation: where the API speaks of a role
(`auditor`), the schema's permission is the verb.
"""

from collections.abc import Mapping
from types import MappingProxyType

from plexsphere_domain.authz.model import Permission

_VERBS = {
    Permission.AUDITOR: "audit",
    Permission.EMERGENCY_APPROVER: "approve_in_emergency",
    Permission.MAINTAINER: "maintain",
    Permission.OPERATOR: "operate",
}

PERMISSIONS: Mapping[Permission, str] = MappingProxyType(
    {permission: _VERBS.get(permission, permission.replace("-", "_")) for permission in Permission}
)
