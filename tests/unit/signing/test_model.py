from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.signing.errors import (
    BatchTooLarge,
    InvalidDeploymentHost,
    InvalidKid,
    KidNotActive,
    NoSigningKey,
)
from plexsphere_domain.signing.model import (
    MAX_BATCH_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_MESSAGES,
    DeploymentHost,
    KeyRing,
    Kid,
    PublicKey,
    SignBatch,
)

DOMAIN = DomainId(UUID("0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0b1"))
HOST = DeploymentHost("plexsphere.example.com")


def key(number: int, domain: DomainId = DOMAIN) -> PublicKey:
    return PublicKey(Kid(HOST, domain, number), bytes([number]) * 32)


def test_a_kid_is_a_did_url() -> None:
    assert str(Kid(HOST, DOMAIN, 1)) == ("did:web:plexsphere.example.com#key-0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0b1-1")


def test_the_colon_before_a_port_is_percent_encoded() -> None:
    kid = Kid(DeploymentHost("127.0.0.1:8080"), DOMAIN, 7)
    assert str(kid).startswith("did:web:127.0.0.1%3A8080#key-")
    assert Kid.parse(str(kid)) == kid


@given(
    st.from_regex(r"[a-z0-9]{1,10}(\.[a-z0-9]{1,10}){0,3}(:[1-9][0-9]{0,3})?", fullmatch=True),
    st.uuids(version=4),
    st.integers(1, 999_999_999),
)
def test_a_kid_reads_back_as_it_was_spelled(host: str, domain: UUID, number: int) -> None:
    kid = Kid(DeploymentHost(host), DomainId(domain), number)
    assert Kid.parse(str(kid)) == kid


@pytest.mark.parametrize(
    "text",
    [
        "",
        "k-1",
        "did:web:plexsphere.example.com",
        "did:web:plexsphere.example.com#key-2026-04",
        "did:web:Plexsphere.example.com#key-0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0b1-1",
        "did:web:plexsphere.example.com:80#key-0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0b1-1",
        "did:web:plexsphere.example.com%3A99999#key-0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0b1-1",
        "did:web:plexsphere.example.com#key-0190A8B8-a0c0-7a0a-8a0a-a0a0a0a0a0b1-1",
        "did:web:plexsphere.example.com#key-00000000-0000-0000-0000-000000000000-1",
        "did:web:plexsphere.example.com#key-0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0b1-01",
        "did:web:plexsphere.example.com#key-0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0b1-0",
        "did:web:plexsphere.example.com#key-0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0b1-1\n",
    ],
)
def test_any_other_spelling_is_no_kid(text: str) -> None:
    with pytest.raises(InvalidKid):
        Kid.parse(text)


@pytest.mark.parametrize(
    "host", ["", "UPPER.example", "a b", "host:", "host:0", "host:70000", "-host", "[::1]:80", "h/p", "a..b", "x" * 64]
)
def test_what_is_no_host_names_no_deployment(host: str) -> None:
    with pytest.raises(InvalidDeploymentHost):
        DeploymentHost(host)


def test_numbers_count_from_one() -> None:
    with pytest.raises(InvalidKid):
        Kid(HOST, DOMAIN, 0)


def test_the_highest_key_is_active() -> None:
    assert KeyRing(
        DOMAIN,
        (
            key(1),
            key(3),
        ),
    ).active == key(3)


def test_an_empty_ring_has_no_active_key() -> None:
    with pytest.raises(NoSigningKey):
        _ = KeyRing(DOMAIN).active


def test_a_ring_holds_the_keys_of_one_domain_in_ascending_order() -> None:
    for keys in ((key(2), key(1)), (key(1), key(1)), (key(1, DomainId(uuid4())),)):
        with pytest.raises(ValueError, match="key ring"):
            KeyRing(DOMAIN, keys)


def test_bytes_built_for_another_key_than_the_active_one_are_refused() -> None:
    ring = KeyRing(
        DOMAIN,
        (
            key(1),
            key(2),
        ),
    )
    assert ring.signing_key(None) == ring.signing_key(key(2).kid) == key(2)
    with pytest.raises(KidNotActive):
        ring.signing_key(key(1).kid)


def test_a_public_key_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        PublicKey(Kid(HOST, DOMAIN, 1), b"short")


def test_a_batch_has_ceilings() -> None:
    SignBatch(DOMAIN, (b"x",) * MAX_MESSAGES)
    SignBatch(DOMAIN, (bytes(MAX_MESSAGE_BYTES),) * (MAX_BATCH_BYTES // MAX_MESSAGE_BYTES))
    for messages in (
        (b"x",) * (MAX_MESSAGES + 1),
        (bytes(MAX_MESSAGE_BYTES + 1),),
        (bytes(MAX_MESSAGE_BYTES),) * (MAX_BATCH_BYTES // MAX_MESSAGE_BYTES + 1),
    ):
        with pytest.raises(BatchTooLarge):
            SignBatch(DOMAIN, messages)
