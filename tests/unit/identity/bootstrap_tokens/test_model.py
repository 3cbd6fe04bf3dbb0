from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_domain.identity.bootstrap_tokens.errors import (
    InvalidTokenRequest,
    KindMismatch,
    ProjectMismatch,
    RevokedBefore,
    RevokedTooLate,
    TokenConsumed,
    TokenExpired,
    TokenRevoked,
)
from plexsphere_domain.identity.bootstrap_tokens.model import (
    BootstrapToken,
    Fate,
    Live,
    Nonce,
    Redeemed,
    Revoked,
    TokenKind,
    TokenRequest,
    TokenScope,
)
from plexsphere_domain.identity.credentials import CredentialHash
from plexsphere_domain.kernel.ids import BootstrapTokenId, ProjectId

NOW = datetime(2026, 5, 1, tzinfo=UTC)
EXPIRY = NOW + timedelta(hours=1)
PROJECT = ProjectId(UUID("018f3c1e-0000-7000-8000-000000000002"))
OTHER = ProjectId(UUID("018f3c1e-0000-7000-8000-000000000003"))
NONCE = Nonce.of("n-1")


def token(fate: Fate = Live()) -> BootstrapToken:
    return BootstrapToken(
        id=BootstrapTokenId(UUID("018f3c1e-0000-7000-8000-000000000009")),
        scope=TokenScope(env_prefix="prod", project_id=PROJECT, kind=TokenKind.NODE),
        selector="abcdefgh",
        hash=CredentialHash("$argon2id$…"),
        issued_at=NOW,
        expires_at=EXPIRY,
        issued_by=UUID("018f3c1e-0000-7000-8000-000000000005"),
        fate=fate,
    )


def redeemed(
    of: BootstrapToken, *, kind: TokenKind = TokenKind.NODE, project: ProjectId = PROJECT, now: datetime = NOW
) -> BootstrapToken:
    return of.redeem(kind=kind, project_id=project, nonce=NONCE, now=now)


def test_a_live_token_is_redeemed_once() -> None:
    spent = redeemed(token())
    assert spent.fate == Redeemed(NOW, NONCE)
    assert spent.was_redeemed_with(Nonce.of("n-1"))
    assert not spent.was_redeemed_with(Nonce.of("n-2"))
    with pytest.raises(TokenConsumed):
        redeemed(spent)


def test_the_first_rule_that_applies_is_the_refusal() -> None:
    hopeless = token(Redeemed(NOW, NONCE))
    with pytest.raises(KindMismatch):
        redeemed(hopeless, kind=TokenKind.BRIDGE, project=OTHER, now=EXPIRY)
    with pytest.raises(ProjectMismatch):
        redeemed(hopeless, project=OTHER, now=EXPIRY)
    with pytest.raises(TokenConsumed):
        redeemed(hopeless, now=EXPIRY)
    with pytest.raises(TokenExpired):
        redeemed(token(Revoked(NOW)), now=EXPIRY)
    with pytest.raises(TokenRevoked):
        redeemed(token(Revoked(NOW)))


def test_the_instant_of_expiry_is_too_late() -> None:
    assert redeemed(token(), now=EXPIRY - timedelta(microseconds=1)).fate != Live()
    with pytest.raises(TokenExpired):
        redeemed(token(), now=EXPIRY)


def test_only_a_live_token_is_revoked_also_after_it_expired() -> None:
    assert token().revoke(now=EXPIRY).fate == Revoked(EXPIRY)
    with pytest.raises(RevokedTooLate):
        redeemed(token()).revoke(now=NOW)
    with pytest.raises(RevokedBefore):
        token().revoke(now=NOW).revoke(now=NOW)


steps: list[Callable[[BootstrapToken], BootstrapToken]] = [
    lambda each: redeemed(each),
    lambda each: redeemed(each, now=EXPIRY),
    lambda each: redeemed(each, project=OTHER),
    lambda each: each.revoke(now=NOW),
]


@given(st.lists(st.sampled_from(steps), max_size=8))
def test_a_token_has_one_fate_and_a_refusal_leaves_it_alone(sequence: list[Callable[..., BootstrapToken]]) -> None:
    current, ends = token(), 0
    for step in sequence:
        try:
            after = step(current)
        except (TokenConsumed, TokenExpired, TokenRevoked, ProjectMismatch, RevokedBefore, RevokedTooLate):
            continue
        ends += 1
        assert evolve(after, fate=current.fate) == current
        current = after
    assert ends == (current.fate != Live())


@pytest.mark.parametrize("ttl", [300, 86400])
def test_a_request_within_bounds(ttl: int) -> None:
    request = TokenRequest.read(kind="bridge", env_prefix="prod", ttl_seconds=ttl)
    assert (request.kind, request.ttl) == (TokenKind.BRIDGE, timedelta(seconds=ttl))


@pytest.mark.parametrize(
    ("kind", "env_prefix", "ttl", "field"),
    [
        ("vm", "prod", 300, "kind"),
        ("Node", "prod", 300, "kind"),
        ("node", "", 300, "env_prefix"),
        ("node", "Prod", 300, "env_prefix"),
        ("node", "prod1", 300, "env_prefix"),
        ("node", "prod\n", 300, "env_prefix"),
        ("node", "p" * 33, 300, "env_prefix"),
        ("node", "prod", 299, "ttl_seconds"),
        ("node", "prod", 86401, "ttl_seconds"),
        ("node", "prod", 10**30, "ttl_seconds"),
    ],
)
def test_a_request_out_of_bounds(kind: str, env_prefix: str, ttl: int, field: str) -> None:
    with pytest.raises(InvalidTokenRequest) as refused:
        TokenRequest.read(kind=kind, env_prefix=env_prefix, ttl_seconds=ttl)
    assert refused.value.field == field
    assert refused.value.code == "invalid_body"
