"""A heartbeat: a Node's word that it lives, and which binary speaks.

What is checked, in this order:
 1. the Node's clock is within 60 s of ours (60 s exactly passes),
 2. the binary's checksum is a SHA-256 digest,
 3. the binary's version is not blank,
 4. and not longer than 4096 characters.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import frozen

from plexsphere_domain.mesh.reachability.errors import (
    BinaryChecksumEmpty,
    BinaryVersionEmpty,
    ClockSkew,
    MalformedHeartbeat,
)

MAX_SKEW = timedelta(seconds=60)
MAX_VERSION = 4096

_BASE64 = re.compile(r"[A-Za-z0-9+/]{43}=", re.ASCII)
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


@frozen(kw_only=True)
class Heartbeat:
    """An accepted heartbeat. `nat_summary` is the agent's own account of its NAT; it is kept, not interpreted."""

    binary_checksum: bytes
    binary_version: str
    nat_summary: Mapping[str, Any]

    @classmethod
    def accept(
        cls,
        *,
        client_now: datetime,
        binary_checksum: str,
        binary_version: str,
        nat_summary: Mapping[str, Any],
        now: datetime,
    ) -> "Heartbeat":
        """Raises ClockSkew, BinaryChecksumEmpty, BinaryVersionEmpty or MalformedHeartbeat: the first that applies."""
        if abs(client_now - now) > MAX_SKEW:
            raise ClockSkew
        checksum = parse_checksum(binary_checksum)
        if not binary_version.strip():
            raise BinaryVersionEmpty
        if len(binary_version) > MAX_VERSION:
            raise MalformedHeartbeat
        return cls(binary_checksum=checksum, binary_version=binary_version, nat_summary=nat_summary)


def parse_checksum(text: str) -> bytes:
    """The 32 bytes of a SHA-256 digest, in padded standard base64 or in the lower-case hex of older agents."""
    if _BASE64.fullmatch(text):
        return b64decode(text)
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    raise BinaryChecksumEmpty


@frozen
class HeartbeatReceipt:
    """What the Node is told: when it was heard, whether to pull its state, whether to rotate its mesh key."""

    accepted_at: datetime
    reconcile: bool = False
    rotate_keys: bool = False
