"""Certificates for tests: an authority, and leaves with the DNS names one likes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from plexsphere_adapters.grpc.tls import TlsFiles, TlsMaterial


@frozen
class Authority:
    directory: Path
    certificate: x509.Certificate
    key: EllipticCurvePrivateKey

    @classmethod
    def new(cls, directory: Path) -> "Authority":
        directory.mkdir()
        key = generate_private_key(SECP256R1())
        certificate = (
            _builder("test authority", key)
            .issuer_name(_name("test authority"))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        (directory / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return cls(directory, certificate, key)

    def files(self, name: str, *, trusting: "Authority | None" = None) -> TlsFiles:
        """A certificate for `name` by this authority, in the hands of one who trusts `trusting` (or this one)."""
        key = generate_private_key(SECP256R1())
        certificate = (
            _builder(name, key)
            .issuer_name(self.certificate.subject)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        files = TlsFiles(
            ca=(trusting or self).directory / "ca.pem",
            certificate=self.directory / f"{name}.pem",
            key=self.directory / f"{name}.key",
        )
        files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files

    def material(self, name: str, *, trusting: "Authority | None" = None) -> TlsMaterial:
        return TlsMaterial.read(self.files(name, trusting=trusting))


def ed25519_certificate(certificate: Path, key: Path) -> None:
    """Replace both files by a certificate that signs itself with Ed25519."""
    made = Ed25519PrivateKey.generate()
    signed = _builder("core", made).issuer_name(_name("core")).sign(made, None)
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _builder(name: str, key: EllipticCurvePrivateKey | Ed25519PrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
