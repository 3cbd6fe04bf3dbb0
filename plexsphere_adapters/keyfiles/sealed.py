"""The content of a key file: one private key, sealed.

A key file is a JSON object with exactly these members, the binary ones in standard base64:

    {"version": 1, "kid": …, "public_key": …, "nonce": …, "sealed": …}

`sealed` is AES-256-GCM (NIST SP 800-38D) over the 32-byte Ed25519 private key (RFC 8032, section 5.1.5), with a random
96-bit nonce and the associated data

    "plexsphere signing key 1" ‖ 0x00 ‖ Domain id (16 bytes) ‖ public key (32 bytes) ‖ kid (UTF-8)

so that a file opens only under its own kid, in its own Domain, with the public key that it names.
"""

import json
import os
from base64 import b64decode, b64encode

from attrs import field, frozen
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from plexsphere_domain.kernel.errors import DomainError
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.kernel.secrets import SecretBytes
from plexsphere_domain.signing.model import Kid, PublicKey

VERSION = 1
NONCE_BYTES = 12


class BrokenKeyFile(ValueError):
    """The file is malformed, was altered, or is sealed under another key-encryption key."""


@frozen
class OpenKey:
    """A signing key in memory."""

    public: PublicKey
    private: Ed25519PrivateKey = field(repr=False)


def generate(kid: Kid) -> OpenKey:
    """A fresh key under the name `kid`."""
    private = Ed25519PrivateKey.generate()
    return OpenKey(PublicKey(kid, private.public_key().public_bytes_raw()), private)


def seal(key: OpenKey, kek: SecretBytes) -> bytes:
    """The content of the key's file."""
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(kek.reveal()).encrypt(nonce, key.private.private_bytes_raw(), _associated_data(key.public))
    members = {
        "version": VERSION,
        "kid": str(key.public.kid),
        "public_key": _encode(key.public.raw),
        "nonce": _encode(nonce),
        "sealed": _encode(sealed),
    }
    return json.dumps(members, indent=1).encode() + b"\n"


def unseal(content: bytes, kek: SecretBytes, domain: DomainId, number: int) -> OpenKey:
    """The key in a file of this content, which must be the Domain's key of that number; raises BrokenKeyFile."""
    try:
        members = json.loads(content)
        version, public = members["version"], PublicKey(Kid.parse(members["kid"]), _decode(members["public_key"]))
        nonce, sealed = _decode(members["nonce"]), _decode(members["sealed"])
    except (ValueError, KeyError, TypeError, DomainError) as failure:
        raise BrokenKeyFile(f"the file is malformed ({type(failure).__name__})") from None
    if version != VERSION:
        raise BrokenKeyFile(f"the file is not of version {VERSION}")
    if (public.kid.domain, public.kid.number) != (domain, number):
        raise BrokenKeyFile("the file is of another key than its name says")
    try:
        seed = AESGCM(kek.reveal()).decrypt(nonce, sealed, _associated_data(public))
    except (InvalidTag, ValueError) as failure:
        raise BrokenKeyFile("the file was altered or is sealed under another key-encryption key") from failure
    private = Ed25519PrivateKey.from_private_bytes(seed)
    if private.public_key().public_bytes_raw() != public.raw:
        raise BrokenKeyFile("the public key is not the one of the private key")
    return OpenKey(public, private)


def _associated_data(public: PublicKey) -> bytes:
    kid = public.kid
    return b"plexsphere signing key 1\x00" + kid.domain.bytes + public.raw + str(kid).encode()


def _encode(raw: bytes) -> str:
    return b64encode(raw).decode()


def _decode(text: str) -> bytes:
    return b64decode(text, validate=True)
