"""The bytes that a chain hashes: canonical encoding, version 1.

The encoding is the JSON Canonicalization Scheme (RFC 8785) over one object per row. That form has exactly one spelling
for equal content, is read by any JSON parser, and needs no library to be written. Version 1 has these members, all of
them always present:

 - `caveats`         object: caveat name → array of parameter names; `{}` where no caveat took part
 - `chain`           the scope anchor, a UUID in lower case
 - `correlation_id`  string
 - `ip`              string, or null
 - `object_id`       string
 - `object_type`     string
 - `occurred_at`     RFC 3339 in UTC with six digits of fraction, `2026-01-02T03:04:05.000006Z`
 - `reason`          string, with the `stale_` prefix where it applies
 - `relation`        string
 - `seq`             integer, 1 for the first row
 - `subject`         the pseudonym, 64 lower-case hex digits
 - `user_agent`      string, or null
 - `v`               1

There is no floating-point number in it, no identity in clear and no value of a caveat. What may change after a row was
appended (the archive copy, the mapping to an identity) is not in it either.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from plexsphere_domain.audit.errors import Unencodable
from plexsphere_domain.audit.model import AuditContent

VERSION = 1

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False, allow_nan=False).encode


def canonical(content: AuditContent) -> bytes:
    """The canonical bytes of a row, in the version that the row names.

    Raises `Unencodable` for content that no version can have produced: only tampering leads there.
    """
    encoder = _ENCODERS.get(content.version)
    if encoder is None:
        raise Unencodable(content.seq)
    try:
        return encoder(content)
    except (UnicodeEncodeError, ValueError, TypeError, AttributeError) as impossible:
        raise Unencodable(content.seq) from impossible


def _v1(content: AuditContent) -> bytes:
    # The members stand in the order that RFC 8785 section 3.2.3 asks for.
    return _json(
        {
            "caveats": _caveats(content.caveats),
            "chain": str(content.scope),
            "correlation_id": content.correlation_id,
            "ip": content.ip,
            "object_id": content.object_id,
            "object_type": content.object_type,
            "occurred_at": _instant(content.occurred_at),
            "reason": content.reason,
            "relation": content.relation,
            "seq": content.seq,
            "subject": content.subject.hex(),
            "user_agent": content.user_agent,
            "v": 1,
        }
    ).encode()


_ENCODERS: Mapping[int, Callable[[AuditContent], bytes]] = {1: _v1}


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _caveats(caveats: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    # A store that was tampered with may hold any JSON here; nothing but the documented form may encode to it.
    if not isinstance(caveats, dict):
        raise TypeError("caveats are a map")
    return {caveat: _names(caveats[caveat]) for caveat in sorted(caveats, key=_utf16)}


def _names(names: Sequence[str]) -> list[str]:
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise TypeError("the parameters of a caveat are names")
    return list(names)


def _utf16(name: str) -> bytes:
    """RFC 8785 orders members by the UTF-16 code units of their names."""
    return name.encode("utf-16-be")
