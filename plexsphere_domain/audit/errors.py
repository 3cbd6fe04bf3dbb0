"""What the audit log refuses, and why."""

from attrs import define

from plexsphere_domain.kernel.errors import DomainError, Invalid, NotFound, NotProvisioned


@define(eq=False)
class InvalidAuditFilter(Invalid):
    """A filter of the list that can match nothing, such as a time range that ends before it begins."""

    code = "invalid_audit_filter"
    why: str = "a filter is malformed"

    @property
    def detail(self) -> str:
        return self.why


@define(eq=False)
class InvalidAuditSeq(Invalid):
    """A row number, or a pair of bounds, that no chain can have."""

    code = "invalid_audit_seq"
    why: str = "a row is numbered by an integer from 1 on"

    @property
    def detail(self) -> str:
        return self.why


class AuditNotProvisioned(NotProvisioned):
    """This deployment keeps no audit chains, or has no keys for their peppers."""

    code = "audit_not_provisioned"

    @property
    def detail(self) -> str:
        return "the audit log is not configured on this deployment"


class AuditEntryNotFound(NotFound):
    """No such row for this caller. It does not tell a missing row from a hidden one: that would disclose the length."""

    code = "audit_entry_not_found"

    @property
    def detail(self) -> str:
        return "there is no such audit entry"


class AuditDomainNotFound(NotFound):
    """The Domain does not exist, and never had a chain."""

    code = "domain_not_found"

    @property
    def detail(self) -> str:
        return "there is no such Domain"


@define(eq=False)
class Unencodable(DomainError):
    """The stored content of row `seq` is of no known form. The verifier reports it as a divergence."""

    seq: int


@define(eq=False)
class SequencingDisturbed(DomainError):
    """The store did not move exactly the records that were chained; the transaction must not commit."""

    expected: int
    moved: int
