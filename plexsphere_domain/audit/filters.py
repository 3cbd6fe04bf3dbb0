"""What a reader may ask of the list: conditions on rows, all of which must hold."""

from collections.abc import Collection
from datetime import datetime

from attrs import field, frozen

from plexsphere_domain.audit.errors import InvalidAuditFilter
from plexsphere_domain.audit.model import AuditEntry, Reason

PSEUDONYM_BYTES = 32


def reason_filter(text: str) -> Reason:
    """One of the reasons that readers see. Raises `InvalidAuditFilter`."""
    reason = Reason.of(text)
    if reason.value != text or reason.published is not reason:
        raise InvalidAuditFilter("reason is not one of the audit reasons")
    return reason


def subject_filter(text: str) -> bytes:
    """A pseudonym from its 64 lower-case hex digits. Raises `InvalidAuditFilter`: identities in clear never match."""
    if len(text) != 2 * PSEUDONYM_BYTES or not set(text) <= set("0123456789abcdef"):
        raise InvalidAuditFilter("subject is a pseudonym of 64 lower-case hex digits")
    return bytes.fromhex(text)


@frozen(kw_only=True)
class EntryFilter:
    """Conditions that a row meets all at once; None asks nothing. `since` and `until` are both inclusive."""

    subject: bytes | None = None
    relation: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    reason: Reason | None = None
    since: datetime | None = None
    until: datetime | None = field(default=None)
    correlation_id: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.since and self.until and self.until < self.since:
            raise InvalidAuditFilter("to is earlier than from")
        for name in ("relation", "object_type", "object_id", "correlation_id"):
            _storable(name, getattr(self, name))

    @property
    def recorded_reasons(self) -> Collection[str] | None:
        """The spellings in the chain that readers see as `reason`."""
        if self.reason is None:
            return None
        return sorted({self.reason.value, self.reason.stale.value})

    def admits(self, entry: AuditEntry) -> bool:
        """Whether `entry` meets every condition."""
        content = entry.content
        wanted = (
            (self.subject, content.subject),
            (self.relation, content.relation),
            (self.object_type, content.object_type),
            (self.object_id, content.object_id),
            (self.correlation_id, content.correlation_id),
        )
        if any(asked is not None and asked != held for asked, held in wanted):
            return False
        if self.since and content.occurred_at < self.since:
            return False
        if self.until and content.occurred_at > self.until:
            return False
        return self.recorded_reasons is None or content.reason in self.recorded_reasons


def _storable(name: str, text: str | None) -> None:
    if text is not None and ("\0" in text or any("\ud800" <= character <= "\udfff" for character in text)):
        raise InvalidAuditFilter(f"{name} holds characters that no row can hold")
