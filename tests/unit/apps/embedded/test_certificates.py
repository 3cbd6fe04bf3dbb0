"""The certificates between core and signer: verified as TLS verifies them, renewed in time, private."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store

from plexsphere_apps.embedded.certificates import AUTHORITY_LIFE, LEAF_LIFE, RENEWAL, Certificates, current

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def made(tmp_path: Path) -> Certificates:
    return current(tmp_path, NOW)


def loaded(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def policy(made: Certificates) -> PolicyBuilder:
    return PolicyBuilder().store(Store([loaded(made.authority)])).time(NOW)


def test_the_signer_proves_itself_as_a_server_on_this_machine(made: Certificates) -> None:
    verifier = policy(made).build_server_verifier(x509.DNSName("localhost"))
    assert len(verifier.verify(loaded(made.signer.certificate), [])) == 2


def test_core_proves_itself_as_a_client(made: Certificates) -> None:
    assert len(policy(made).build_client_verifier().verify(loaded(made.core.certificate), []).chain) == 2


def test_a_client_certificate_does_not_serve(made: Certificates) -> None:
    verifier = policy(made).build_server_verifier(x509.DNSName("localhost"))
    with pytest.raises(x509.verification.VerificationError):
        verifier.verify(loaded(made.core.certificate), [])


def test_keys_are_p256_and_private(made: Certificates, tmp_path: Path) -> None:
    key = loaded(made.core.certificate).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_fresh_certificates_are_kept(made: Certificates, tmp_path: Path) -> None:
    before = made.core.certificate.read_bytes()
    current(tmp_path, NOW + LEAF_LIFE - RENEWAL - timedelta(days=1))
    assert made.core.certificate.read_bytes() == before


def test_certificates_near_their_end_are_renewed_by_the_same_authority(made: Certificates, tmp_path: Path) -> None:
    authority, leaf = made.authority.read_bytes(), made.core.certificate.read_bytes()
    current(tmp_path, NOW + LEAF_LIFE - RENEWAL)
    assert made.core.certificate.read_bytes() != leaf
    assert made.authority.read_bytes() == authority


def test_a_new_authority_makes_all_certificates_anew(made: Certificates, tmp_path: Path) -> None:
    leaf = made.signer.certificate.read_bytes()
    current(tmp_path, NOW + AUTHORITY_LIFE)
    assert made.signer.certificate.read_bytes() != leaf


def test_a_lost_key_is_replaced(made: Certificates, tmp_path: Path) -> None:
    made.core.key.unlink()
    current(tmp_path, NOW)
    assert made.core.key.exists()
