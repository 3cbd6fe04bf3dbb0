"""Mutual TLS between core and signer: both show a certificate of the same authority, each with its role as a DNS name.

gRPC negotiates the highest version that both ends know, which between two gRPC ends is TLS 1.3.
"""

import ssl
from pathlib import Path

import grpc
from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

CORE = "core"
SIGNER = "signer"


@frozen
class TlsFileError(Exception):
    """A certificate or key file is not fit for use."""

    path: Path
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


@frozen(kw_only=True)
class TlsFiles:
    """PEM files: the authority that both ends trust, and one's own certificate chain and private key."""

    ca: Path
    certificate: Path
    key: Path


@frozen
class TlsMaterial:
    """The content of the files, checked."""

    ca: bytes
    certificate: bytes
    key: bytes = field(repr=False)

    @classmethod
    def read(cls, files: TlsFiles) -> "TlsMaterial":
        """Raises TlsFileError for what is missing or no PEM, and for a key that is not the certificate's or not ECDSA
        or RSA: gRPC takes no other, and would only ever tell that the peer is away."""
        material = cls(_content(files.ca), _content(files.certificate), _content(files.key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(files.ca)
        except ssl.SSLError as failure:
            raise TlsFileError(files.ca, "holds no PEM certificate") from failure
        try:
            context.load_cert_chain(files.certificate, files.key, password=_no_password)
        except (ssl.SSLError, ValueError) as failure:
            raise TlsFileError(files.certificate, f"does not go with the private key {files.key}") from failure
        for path, content in ((files.ca, material.ca), (files.certificate, material.certificate)):
            _of_a_usable_kind(path, content)
        return material

    def server_credentials(self) -> grpc.ServerCredentials:
        """Credentials of a server that talks only to clients with a certificate of the authority."""
        return grpc.ssl_server_credentials([(self.key, self.certificate)], self.ca, require_client_auth=True)

    def channel_credentials(self) -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(self.ca, self.key, self.certificate)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as failure:
        raise TlsFileError(path, f"cannot be read: {failure.strerror}") from failure


def _of_a_usable_kind(path: Path, content: bytes) -> None:
    for certificate in x509.load_pem_x509_certificates(content):
        if not isinstance(certificate.public_key(), ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
            raise TlsFileError(path, "has a key that gRPC does not take; use ECDSA or RSA")


def _no_password() -> str:
    raise ValueError("the key is encrypted")
