"""The certificates with which core and signer prove themselves to each other: one small authority, two leaves.

All keys are ECDSA on P-256. Each leaf carries its role as a DNS name, which is what the other end looks at.

A certificate is made anew when it is missing, or has less than `RENEWAL` left, or when the authority was made anew.
"""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from plexsphere_apps.embedded.ports import LOOPBACK
from plexsphere_apps.embedded.state import write_private

AUTHORITY_LIFE: Final = timedelta(days=3650)
LEAF_LIFE: Final = timedelta(days=365)
RENEWAL: Final = timedelta(days=30)
SKEW: Final = timedelta(minutes=5)
"""Certificates are valid from a little earlier, for clocks that were set back."""


@frozen
class Pair:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


@frozen(kw_only=True)
class Certificates:
    """Who trusts whom between core and signer."""

    authority: Path
    signer: Pair
    core: Pair


def current(directory: Path, now: datetime) -> Certificates:
    """The certificates kept in `directory`, made or renewed as needed."""
    authority = Pair(directory / "ca.crt", directory / "ca.key")
    renewed = not _is_fresh(authority, now)
    if renewed:
        _make_authority(authority, now)
    leaves = {}
    for name, usage in (("signer", ExtendedKeyUsageOID.SERVER_AUTH), ("core", ExtendedKeyUsageOID.CLIENT_AUTH)):
        leaves[name] = Pair(directory / f"{name}.crt", directory / f"{name}.key")
        if renewed or not _is_fresh(leaves[name], now):
            _make_leaf(leaves[name], name, usage, authority, now)
    return Certificates(authority=authority.certificate, signer=leaves["signer"], core=leaves["core"])


def _is_fresh(pair: Pair, now: datetime) -> bool:
    if not pair.certificate.exists() or not pair.key.exists():
        return False
    certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    return now + RENEWAL < certificate.not_valid_after_utc


def _make_authority(pair: Pair, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("plexsphere embedded CA")
    certificate = (
        _builder(name, name, key.public_key(), now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _keep(pair, certificate, key)


def _make_leaf(pair: Pair, name: str, usage: x509.ObjectIdentifier, authority: Pair, now: datetime) -> None:
    issuer = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    issuer_key = serialization.load_pem_private_key(authority.key.read_bytes(), password=None)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    hosts = [x509.DNSName(name), x509.DNSName("localhost"), x509.IPAddress(IPv4Address(LOOPBACK))]
    certificate = (
        _builder(_name(f"plexsphere-{name}"), issuer.subject, key.public_key(), now, LEAF_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    _keep(pair, certificate, key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - SKEW)
        .not_valid_after(now.astimezone(UTC) + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _keep(pair: Pair, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    write_private(pair.key, key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    write_private(pair.certificate, certificate.public_bytes(pem))
