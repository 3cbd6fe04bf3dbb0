"""What follows from what: the derivations of every permission, equal to sql/authz/schema.zed (a test compares them).

A permission is the union of its sources: a relation written on the object itself, another permission of the same
object, or a permission of the parent.
"""

from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

from plexsphere_domain.authz.model import ObjectType, Permission, Relation


@frozen
class OfParent:
    permission: Permission


Source = Relation | Permission | OfParent

_P = Permission
_R = Relation

_PLATFORM: dict[Permission, tuple[Source, ...]] = {
    _P.MANAGE: (_R.OPERATOR,),
    _P.AUDITOR: (_R.AUDITOR, _P.MANAGE),
    _P.READ: (_R.READER, _P.AUDITOR),
    _P.BOUND: (_P.READ,),
}

_DOMAIN: dict[Permission, tuple[Source, ...]] = {
    _P.MANAGE: (_R.ADMIN, OfParent(_P.MANAGE)),
    _P.AUDITOR: (_R.AUDITOR, _P.MANAGE),
    _P.APPROVE: (_R.APPROVER, _P.MANAGE),
    _P.EMERGENCY_APPROVER: (_R.EMERGENCY_APPROVER,),
    _P.READ: (_R.MEMBER, _R.APPROVER, _R.EMERGENCY_APPROVER, _P.AUDITOR),
    _P.DOMAIN_VIEW: (_P.READ,),
    _P.DOMAIN_EDIT: (_P.MANAGE,),
    _P.BOUND: (_P.READ,),
}

_PROJECT: dict[Permission, tuple[Source, ...]] = {
    _P.MANAGE: (_R.ADMIN, OfParent(_P.MANAGE)),
    _P.MAINTAINER: (_R.MAINTAINER, _P.MANAGE),
    _P.DEPLOY: (_R.DEPLOYER, _P.MAINTAINER),
    _P.OPERATOR: (_R.OPERATOR, _P.MAINTAINER),
    _P.OBSERVE: (_R.OBSERVER, _P.DEPLOY, _P.OPERATOR, OfParent(_P.AUDITOR)),
    _P.READ: (_P.OBSERVE, OfParent(_P.READ)),
    _P.BOUND: (_P.READ,),
}

_RESOURCE: dict[Permission, tuple[Source, ...]] = {
    _P.MANAGE: (_R.ADMIN, OfParent(_P.MANAGE)),
    _P.MAINTAINER: (_P.MANAGE, OfParent(_P.MAINTAINER)),
    _P.DEPLOY: (_P.MAINTAINER, OfParent(_P.DEPLOY)),
    _P.OPERATOR: (_R.OPERATOR, _P.MAINTAINER, OfParent(_P.OPERATOR)),
    _P.OBSERVE: (_R.OBSERVER, _P.DEPLOY, _P.OPERATOR, OfParent(_P.OBSERVE)),
    _P.READ: (_P.OBSERVE,),
    _P.BOUND: (_P.READ, OfParent(_P.BOUND)),
}

_NODE: dict[Permission, tuple[Source, ...]] = {
    _P.MANAGE: (OfParent(_P.MANAGE),),
    _P.MAINTAINER: (OfParent(_P.MAINTAINER),),
    _P.NODE_OPERATE: (OfParent(_P.OPERATOR),),
    _P.NODE_AGENT: (_R.AGENT, _P.NODE_OPERATE),
    _P.OBSERVE: (OfParent(_P.OBSERVE),),
    _P.READ: (_R.AGENT, _P.OBSERVE),
    _P.BOUND: (_P.READ, OfParent(_P.BOUND)),
}

_GROUP: dict[Permission, tuple[Source, ...]] = {
    _P.MANAGE: (OfParent(_P.MANAGE),),
    _P.READ: (_R.MEMBER, OfParent(_P.READ)),
    _P.BOUND: (_R.MEMBER, OfParent(_P.BOUND)),
}

_IDENTITY: dict[Permission, tuple[Source, ...]] = {
    _P.MANAGE: (OfParent(_P.MANAGE),),
    _P.READ: (OfParent(_P.READ),),
    _P.BOUND: (OfParent(_P.BOUND),),
}

DERIVATIONS: Mapping[ObjectType, Mapping[Permission, tuple[Source, ...]]] = MappingProxyType(
    {
        ObjectType.PLATFORM: _PLATFORM,
        ObjectType.DOMAIN: _DOMAIN,
        ObjectType.PROJECT: _PROJECT,
        ObjectType.RESOURCE: _RESOURCE,
        ObjectType.NODE: _NODE,
        ObjectType.GROUP: _GROUP,
        ObjectType.USER: _IDENTITY,
        ObjectType.SERVICE_IDENTITY: _IDENTITY,
    }
)


def is_gate(object_type: ObjectType, permission: Permission) -> bool:
    """Whether objects of that type can be asked for that permission."""
    return permission is not Permission.BOUND and permission in DERIVATIONS[object_type]
