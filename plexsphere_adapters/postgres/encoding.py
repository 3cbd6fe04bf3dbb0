"""Domain events as JSON: the one place that decides how ids, times and addresses are spelled on the outbox."""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any
from uuid import UUID

import attrs

from plexsphere_domain.kernel.events import DomainEvent


def payload_of(event: DomainEvent) -> str:
    """The event's fields as one JSON object."""
    return json.dumps(attrs.asdict(event, value_serializer=_plain), separators=(",", ":"))


def _plain(_owner: Any, _field: Any, value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case UUID() | IPv4Address() | IPv6Address() | IPv4Network() | IPv6Network():
            return str(value)
        case datetime():
            return value.isoformat()
        case Mapping():
            return dict(value)
        case _:
            return value
