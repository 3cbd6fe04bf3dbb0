"""The vocabulary of the audit log: what is recorded, what is chained, and what may change afterwards.

A row has three parts with three lifetimes:
 - its content, which is hashed and never changes,
 - the two hashes that bind the content to its place in the chain,
 - what stands beside the chain: the identity behind the pseudonym (until it is erased) and the archive copy.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from attrs import field, frozen

from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.kernel.journal import PrivilegedAction

Scope = NewType("Scope", UUID)
"""What a record is about: a Domain's id, or `PLATFORM`. It names the chain that the record ends on."""

PLATFORM = Scope(UUID("00000000-0000-8000-8000-000000000001"))
"""The scope anchor of the platform's own chain, a constant of the format (UUID version 8, RFC 9562 section 5.8)."""

NO_HASH = bytes(32)
"""What stands before the first row of a chain."""

MAX_NAME = 256
"""Characters of a relation, an object type, an object id, a correlation id or a caveat name that are kept."""

STALE = "stale_"


def scope_of(domain: DomainId | None) -> Scope:
    return PLATFORM if domain is None else Scope(domain)


class Reason(StrEnum):
    """Why a decision came out as it did.

    The `stale_*` members tell that an earlier decision was used again while the relation graph was out of reach.
    They are part of what is hashed; to readers they appear as the reason that was used again (`published`).
    """

    GRANTED = "granted"
    OUT_OF_SCOPE = "out_of_scope"
    INSUFFICIENT_RELATION = "insufficient_relation"
    CAVEAT_VIOLATION = "caveat_violation"
    UNKNOWN = "unknown"
    STALE_GRANTED = "stale_granted"
    STALE_OUT_OF_SCOPE = "stale_out_of_scope"
    STALE_INSUFFICIENT_RELATION = "stale_insufficient_relation"
    STALE_CAVEAT_VIOLATION = "stale_caveat_violation"

    @property
    def published(self) -> "Reason":
        """The member of the frozen set that readers see."""
        return Reason(self.removeprefix(STALE))

    @property
    def stale(self) -> "Reason":
        """The same reason, taken from an earlier decision. `unknown` was never a decision and stays what it is."""
        return self if self is Reason.UNKNOWN or self.startswith(STALE) else Reason(STALE + self)

    @classmethod
    def of(cls, text: str) -> "Reason":
        """The member spelled by `text`; UNKNOWN, an anomaly worth an alert, for anything outside the set."""
        return cls(text) if text in _SPELLINGS else cls.UNKNOWN


_SPELLINGS = frozenset(reason.value for reason in Reason)


def _text(value: str) -> str:
    """`value` as every store can hold it: NUL and unpaired surrogates become U+FFFD."""
    if "\0" not in value and value.isascii():
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "�")


def _name(value: str) -> str:
    """An audit row must never be refused for the length of a name, so a name is cut instead."""
    return _text(value)[:MAX_NAME]


def _optional_text(value: str | None) -> str | None:
    return None if value is None else _text(value)


def _names(value: Mapping[str, Sequence[str]]) -> Mapping[str, tuple[str, ...]]:
    return {_name(caveat): tuple(sorted({_name(each) for each in names})) for caveat, names in value.items()}


@frozen(kw_only=True)
class AuditRecord:
    """A decision or a privileged action, before it is chained.

    `identity` is who acted, in clear; it never enters the chain. `relation` is the relation that was checked, or the
    name of an action. `caveats` maps the name of each caveat that took part to the names of its parameters; values
    have no place here. `ip` and `user_agent` are absent for background work.
    """

    scope: Scope
    occurred_at: datetime
    identity: UUID = field(repr=False)
    relation: str = field(converter=_name)
    object_type: str = field(converter=_name)
    object_id: str = field(converter=_name)
    reason: Reason = Reason.GRANTED
    caveats: Mapping[str, Sequence[str]] = field(factory=dict, converter=_names)
    correlation_id: str = field(converter=_name)
    ip: str | None = field(default=None, converter=_optional_text)
    user_agent: str | None = field(default=None, converter=_optional_text)

    @classmethod
    def of(cls, action: PrivilegedAction, at: datetime) -> "AuditRecord":
        """The record that `action` was done."""
        return cls(
            scope=scope_of(action.domain_id),
            occurred_at=at,
            identity=action.by.principal.id,
            relation=action.action,
            object_type=action.object_type,
            object_id=str(action.object_id),
            correlation_id=action.by.correlation_id,
            ip=action.by.ip,
            user_agent=action.by.user_agent,
        )


@frozen(kw_only=True)
class AuditContent:
    """What is hashed, exactly as it is stored.

    Nothing is checked or tidied here, so that a row that was tampered with can be held and shown to be wrong.
    """

    version: int
    scope: Scope
    seq: int
    occurred_at: datetime
    subject: bytes
    relation: str
    object_type: str
    object_id: str
    reason: str
    caveats: Mapping[str, Sequence[str]]
    correlation_id: str
    ip: str | None
    user_agent: str | None


@frozen(kw_only=True)
class AuditEntry:
    """A row of the chain: its content, and the hashes that bind it to its place."""

    content: AuditContent
    prev_hash: bytes
    entry_hash: bytes

    @property
    def seq(self) -> int:
        return self.content.seq


@frozen(kw_only=True)
class Archived:
    """The copy of a row in the chain's bucket."""

    etag: str
    at: datetime


@frozen(kw_only=True)
class StoredEntry:
    """A row as it is read: with what stands beside the chain and is not hashed.

    `identity` is None once it was erased; `archived` is None until the row was copied.
    """

    entry: AuditEntry
    identity: UUID | None = field(default=None, repr=False)
    archived: Archived | None = None


@frozen(kw_only=True)
class Head:
    """The end of a chain: the number and the hash of its last row; zero and `NO_HASH` where there is none."""

    seq: int = 0
    hash: bytes = NO_HASH
