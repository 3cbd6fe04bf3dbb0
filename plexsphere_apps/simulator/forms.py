"""The forms of values on the wire."""

import base64
import binascii
import re
from datetime import datetime
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Final, TypeGuard
from uuid import UUID

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)
_DIALABLE: Final = re.compile(r".+:[0-9]{1,5}", re.ASCII)


def is_uuid(value: object) -> TypeGuard[str]:
    """Canonical 8-4-4-4-12 text of a UUID that is not nil."""
    if not isinstance(value, str):
        return False
    try:
        parsed = UUID(value)
    except ValueError:
        return False
    return parsed.int != 0 and str(parsed) == value.lower()


def is_key(value: object) -> TypeGuard[str]:
    """Standard padded base64 of exactly 32 bytes."""
    return isinstance(value, str) and decoded_key(value) is not None


def decoded_key(text: str) -> bytes | None:
    """The 32 bytes behind the text; None where it is anything else, such as a DER wrapping."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == 32 and base64.b64encode(raw).decode() == text else None


def is_instant(value: object) -> TypeGuard[str]:
    """RFC 3339 in UTC."""
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value[:19])
    except ValueError:
        return False
    return True


def unicast(value: object) -> IPv4Address | None:
    """The bare IPv4 unicast address; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        address = IPv4Address(value)
    except AddressValueError:
        return None
    return None if address.is_multicast or address.is_unspecified else address


def network(value: object) -> IPv4Network | None:
    """The canonical IPv4 prefix, without host bits; None for anything else."""
    if not isinstance(value, str) or "/" not in value:
        return None
    try:
        parsed = IPv4Network(value)
    except ValueError:
        return None
    return parsed if str(parsed) == value else None


def is_dialable(value: object) -> TypeGuard[str]:
    """`host:port`."""
    return isinstance(value, str) and bool(_DIALABLE.fullmatch(value))
