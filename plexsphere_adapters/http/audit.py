"""The audit log: the tag `audit`. Four questions to a Domain's chain, and the same four to the platform's."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from plexsphere_adapters.http.errors import InvalidBody
from plexsphere_adapters.http.identifiers import DomainInPath
from plexsphere_adapters.http.operation import Call, Gate, InPath, InQuery, Operation, Paging, ok, operation
from plexsphere_adapters.http.wire import Form, Pattern, Range, wire
from plexsphere_domain.audit.erasure import Erased, Erasure
from plexsphere_domain.audit.errors import (
    AuditDomainNotFound,
    AuditEntryNotFound,
    AuditNotProvisioned,
    InvalidAuditFilter,
    InvalidAuditSeq,
)
from plexsphere_domain.audit.filters import EntryFilter, reason_filter, subject_filter
from plexsphere_domain.audit.log import AuditLog, Bounds, Proof, Verdict
from plexsphere_domain.audit.model import PLATFORM, Reason, Scope, StoredEntry
from plexsphere_domain.authz.errors import PermissionDenied
from plexsphere_domain.authz.model import ObjectType, Permission
from plexsphere_domain.kernel.errors import DomainError
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.kernel.paging import Page

HASH = r"^[0-9a-f]{64}$"

HashText = Annotated[str, Pattern(HASH)]
Seq = Annotated[int, Form("int64"), Range(1)]
AnySeq = Annotated[int, Form("int64")]


class AuditReason(StrEnum):
    """Why a decision came out as it did."""

    GRANTED = "granted"
    OUT_OF_SCOPE = "out_of_scope"
    INSUFFICIENT_RELATION = "insufficient_relation"
    CAVEAT_VIOLATION = "caveat_violation"
    UNKNOWN = "unknown"


@wire
class AuditSubject:
    """Who acted. `identity_id_ref` is absent once the identity was erased."""

    pseudonym: HashText
    identity_id_ref: UUID | None = None


@wire
class AuditObject:
    """What it was about."""

    type: str
    id: str


@wire
class AuditDecision:
    """The outcome, and the names of the caveats that took part with the names of their parameters."""

    result: AuditReason
    caveat_context: dict[str, tuple[str, ...]]


@wire
class AuditRequestContext:
    """Where it came from. Background work has neither."""

    ip: str | None = None
    user_agent: str | None = None


@wire
class AuditEntry:
    """A row of an audit chain. `archive_etag` and `archived_at` are absent until it was copied to the archive."""

    seq: Seq
    domain_id: UUID
    occurred_at: datetime
    reason: AuditReason
    subject: AuditSubject
    relation: str
    object: AuditObject
    decision: AuditDecision
    correlation_id: str
    request_context: AuditRequestContext
    entry_hash: HashText
    prev_hash: HashText
    archive_etag: str | None = None
    archived_at: datetime | None = None

    @classmethod
    def of(cls, stored: StoredEntry) -> Self:
        entry, content, archived = stored.entry, stored.entry.content, stored.archived
        reason = AuditReason(Reason.of(content.reason).published)
        return cls(
            seq=content.seq,
            domain_id=content.scope,
            occurred_at=content.occurred_at.astimezone(UTC),
            reason=reason,
            subject=AuditSubject(pseudonym=content.subject.hex(), identity_id_ref=stored.identity),
            relation=content.relation,
            object=AuditObject(type=content.object_type, id=content.object_id),
            decision=AuditDecision(result=reason, caveat_context=_names(content.caveats)),
            correlation_id=content.correlation_id,
            request_context=AuditRequestContext(ip=content.ip, user_agent=content.user_agent),
            entry_hash=entry.entry_hash.hex(),
            prev_hash=entry.prev_hash.hex(),
            archive_etag=archived.etag if archived else None,
            archived_at=archived.at.astimezone(UTC) if archived else None,
        )


@wire
class AuditProof:
    """What it takes to compute `entry_hash` again: SHA-256(`prev_hash` ‖ SHA-256(`canonical_bytes`))."""

    prev_hash: HashText
    entry_hash: HashText
    canonical_bytes: Annotated[str, Form("byte")]


@wire
class AuditEntryProof:
    """A row and its proof."""

    entry: AuditEntry
    proof: AuditProof

    @classmethod
    def of(cls, proof: Proof) -> Self:
        entry = AuditEntry.of(proof.stored)
        return cls(
            entry=entry,
            proof=AuditProof(
                prev_hash=entry.prev_hash,
                entry_hash=entry.entry_hash,
                canonical_bytes=base64.b64encode(proof.canonical).decode(),
            ),
        )


@wire
class AuditChainVerifyRequest:
    """The rows to verify, both ends inclusive: by default all of them."""

    from_seq: Seq | None = None
    to_seq: Seq | None = None

    def bounds(self) -> Bounds:
        return Bounds(first=1 if self.from_seq is None else self.from_seq, last=self.to_seq)


@wire
class AuditChainVerifyResult:
    """Whether the rows from `segment_from` to `segment_to` hold, and where they do not."""

    ok: bool
    segment_from: Seq
    segment_to: Seq
    divergent_seq: AnySeq | None = None
    expected_hash: HashText | None = None
    observed_hash: HashText | None = None

    @classmethod
    def of(cls, verdict: Verdict) -> Self:
        found = verdict.divergence
        return cls(
            ok=found is None,
            segment_from=verdict.first,
            segment_to=verdict.last,
            divergent_seq=found.seq if found else None,
            expected_hash=found.expected.hex() if found else None,
            observed_hash=found.observed.hex() if found else None,
        )


@wire
class AuditEraseIdentityRequest:
    """Whom to forget."""

    identity_id: UUID

    def identity(self) -> UUID:
        if self.identity_id.int == 0:
            raise InvalidBody("identity_id is the nil UUID")
        return self.identity_id


@wire
class AuditEraseIdentityResponse:
    """The pseudonym that leads nowhere any more."""

    subject_pseudonym: HashText
    erased_at: datetime

    @classmethod
    def of(cls, erased: Erased) -> Self:
        return cls(subject_pseudonym=erased.subject.hex(), erased_at=erased.at)


SeqInPath = Annotated[int, Form("int64"), Range(1), InPath(InvalidAuditSeq)]
SubjectFilter = Annotated[str | None, Pattern(HASH), InQuery(InvalidAuditFilter)]
TextFilter = Annotated[str | None, InQuery(InvalidAuditFilter)]
ReasonFilter = Annotated[AuditReason | None, InQuery(InvalidAuditFilter)]
SinceFilter = Annotated[datetime | None, InQuery(InvalidAuditFilter, name="from")]
UntilFilter = Annotated[datetime | None, InQuery(InvalidAuditFilter, name="to")]


def _names(caveats: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The names as the wire has them, whatever a tampered row holds: that is for `verify` to report."""
    if not isinstance(caveats, dict):
        return {}
    return {
        caveat: tuple(str(name) for name in names) if isinstance(names, list | tuple) else ()
        for caveat, names in caveats.items()
    }


def _matching(
    subject: str | None,
    relation: str | None,
    object_type: str | None,
    object_id: str | None,
    reason: AuditReason | None,
    since: datetime | None,
    until: datetime | None,
    correlation_id: str | None,
) -> EntryFilter:
    return EntryFilter(
        subject=None if subject is None else subject_filter(subject),
        relation=relation,
        object_type=object_type,
        object_id=object_id,
        reason=None if reason is None else reason_filter(reason),
        since=since,
        until=until,
        correlation_id=correlation_id,
    )


def _hidden(_: PermissionDenied) -> DomainError:
    """Who may not read a row is told that there is none: a 403 would tell how long the chain is."""
    return AuditEntryNotFound()


@operation(
    "GET",
    "/v1/domains/{domain_id}/audit/entries",
    id="ListAuditEntries",
    tag="audit",
    gate=Gate(type=ObjectType.DOMAIN, permission=Permission.AUDITOR, on="domain_id"),
    paging=Paging(name="AuditEntryList", bound=False, scope="domain_id"),
    returns=ok(AuditEntry),
    problems=[InvalidAuditFilter, AuditDomainNotFound, AuditNotProvisioned],
)
async def list_audit_entries(
    call: Call[None],
    log: AuditLog,
    domain_id: DomainInPath,
    subject: SubjectFilter = None,
    relation: TextFilter = None,
    object_type: TextFilter = None,
    object_id: TextFilter = None,
    reason: ReasonFilter = None,
    since: SinceFilter = None,
    until: UntilFilter = None,
    correlation_id: TextFilter = None,
) -> Page[AuditEntry]:
    """List rows of a Domain's chain, in their order."""
    matching = _matching(subject, relation, object_type, object_id, reason, since, until, correlation_id)
    return (await log.list(_of(domain_id), matching, call.page)).map(AuditEntry.of)


@operation(
    "GET",
    "/v1/domains/{domain_id}/audit/entries/{seq}",
    id="GetAuditEntry",
    tag="audit",
    gate=Gate(type=ObjectType.DOMAIN, permission=Permission.AUDITOR, on="domain_id", denied=_hidden),
    returns=ok(AuditEntryProof),
    problems=[InvalidAuditSeq, AuditEntryNotFound, AuditNotProvisioned],
)
async def get_audit_entry(call: Call[None], log: AuditLog, domain_id: DomainInPath, seq: SeqInPath) -> AuditEntryProof:
    """Read a row of a Domain's chain, with its proof."""
    return AuditEntryProof.of(await log.prove(_of(domain_id), seq))


@operation(
    "POST",
    "/v1/domains/{domain_id}/audit/verify",
    id="VerifyAuditChain",
    tag="audit",
    gate=Gate(type=ObjectType.DOMAIN, permission=Permission.AUDITOR, on="domain_id"),
    body=AuditChainVerifyRequest,
    body_optional=True,
    returns=ok(AuditChainVerifyResult),
    problems=[InvalidAuditSeq, AuditDomainNotFound, AuditNotProvisioned],
)
async def verify_audit_chain(
    call: Call[AuditChainVerifyRequest | None], log: AuditLog, domain_id: DomainInPath
) -> AuditChainVerifyResult:
    """Verify a Domain's chain, or a part of it. A divergence is a finding, not an error."""
    return AuditChainVerifyResult.of(await log.verify(_of(domain_id), _bounds(call.body)))


@operation(
    "POST",
    "/v1/domains/{domain_id}/audit/erase-identity",
    id="EraseIdentityFromAudit",
    tag="audit",
    gate=Gate(type=ObjectType.DOMAIN, permission=Permission.MANAGE, on="domain_id"),
    body=AuditEraseIdentityRequest,
    returns=ok(AuditEraseIdentityResponse),
    problems=[AuditDomainNotFound, AuditNotProvisioned],
)
async def erase_identity_from_audit(
    call: Call[AuditEraseIdentityRequest], erasure: Erasure, domain_id: DomainInPath
) -> AuditEraseIdentityResponse:
    """Forget who is behind a pseudonym on a Domain's chain. The rows and their hashes stay."""
    return AuditEraseIdentityResponse.of(await erasure.erase(_of(domain_id), call.body.identity(), by=call.actor))


@operation(
    "GET",
    "/v1/platform/audit/entries",
    id="ListPlatformAuditEntries",
    tag="audit",
    gate=Gate(type=ObjectType.PLATFORM, permission=Permission.AUDITOR),
    paging=Paging(name="AuditEntryList", bound=False),
    returns=ok(AuditEntry),
    problems=[InvalidAuditFilter, AuditNotProvisioned],
)
async def list_platform_audit_entries(
    call: Call[None],
    log: AuditLog,
    subject: SubjectFilter = None,
    relation: TextFilter = None,
    object_type: TextFilter = None,
    object_id: TextFilter = None,
    reason: ReasonFilter = None,
    since: SinceFilter = None,
    until: UntilFilter = None,
    correlation_id: TextFilter = None,
) -> Page[AuditEntry]:
    """List rows of the platform's chain, in their order."""
    matching = _matching(subject, relation, object_type, object_id, reason, since, until, correlation_id)
    return (await log.list(PLATFORM, matching, call.page)).map(AuditEntry.of)


@operation(
    "GET",
    "/v1/platform/audit/entries/{seq}",
    id="GetPlatformAuditEntry",
    tag="audit",
    gate=Gate(type=ObjectType.PLATFORM, permission=Permission.AUDITOR, denied=_hidden),
    returns=ok(AuditEntryProof),
    problems=[InvalidAuditSeq, AuditEntryNotFound, AuditNotProvisioned],
)
async def get_platform_audit_entry(call: Call[None], log: AuditLog, seq: SeqInPath) -> AuditEntryProof:
    """Read a row of the platform's chain, with its proof."""
    return AuditEntryProof.of(await log.prove(PLATFORM, seq))


@operation(
    "POST",
    "/v1/platform/audit/verify",
    id="VerifyPlatformAuditChain",
    tag="audit",
    gate=Gate(type=ObjectType.PLATFORM, permission=Permission.AUDITOR),
    body=AuditChainVerifyRequest,
    body_optional=True,
    returns=ok(AuditChainVerifyResult),
    problems=[InvalidAuditSeq, AuditNotProvisioned],
)
async def verify_platform_audit_chain(
    call: Call[AuditChainVerifyRequest | None], log: AuditLog
) -> AuditChainVerifyResult:
    """Verify the platform's chain, or a part of it. A divergence is a finding, not an error."""
    return AuditChainVerifyResult.of(await log.verify(PLATFORM, _bounds(call.body)))


@operation(
    "POST",
    "/v1/platform/audit/erase-identity",
    id="EraseIdentityFromPlatformAudit",
    tag="audit",
    gate=Gate(type=ObjectType.PLATFORM, permission=Permission.MANAGE),
    body=AuditEraseIdentityRequest,
    returns=ok(AuditEraseIdentityResponse),
    problems=[AuditNotProvisioned],
)
async def erase_identity_from_platform_audit(
    call: Call[AuditEraseIdentityRequest], erasure: Erasure
) -> AuditEraseIdentityResponse:
    """Forget who is behind a pseudonym on the platform's chain. The rows and their hashes stay."""
    return AuditEraseIdentityResponse.of(await erasure.erase(PLATFORM, call.body.identity(), by=call.actor))


def _of(domain: DomainId) -> Scope:
    return Scope(domain)


def _bounds(body: AuditChainVerifyRequest | None) -> Bounds:
    return body.bounds() if body else Bounds()


OPERATIONS: tuple[Operation, ...] = (
    list_audit_entries,
    get_audit_entry,
    verify_audit_chain,
    erase_identity_from_audit,
    list_platform_audit_entries,
    get_platform_audit_entry,
    verify_platform_audit_chain,
    erase_identity_from_platform_audit,
)
