"""The key-encryption key (KEK): 32 bytes in a file that nobody but its owner may touch."""

import os
import stat
from base64 import b64decode
from binascii import Error as NotBase64
from pathlib import Path

from attrs import frozen

from plexsphere_domain.kernel.secrets import SecretBytes

KEK_BYTES = 32


@frozen
class KekFileError(Exception):
    """The KEK file is not fit for use. `problem` says why, and holds nothing of its content."""

    path: Path
    problem: str

    def __str__(self) -> str:
        return f"the key-encryption key file {self.path} {self.problem}"


def read_kek(path: Path) -> SecretBytes:
    """The KEK in the file: 32 raw bytes, or their standard base64 with or without a final newline.

    Raises KekFileError, also where group or others have any permission on the file.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(256)
    except OSError as failure:
        raise KekFileError(path, f"cannot be read: {failure.strerror}") from failure
    if not stat.S_ISREG(status.st_mode):
        raise KekFileError(path, "is not a regular file")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KekFileError(path, f"has mode {stat.S_IMODE(status.st_mode):04o}; allow its owner only (chmod 600)")
    return SecretBytes(_decode(content, path))


def _decode(content: bytes, path: Path) -> bytes:
    if len(content) == KEK_BYTES:
        return content
    try:
        decoded = b64decode(content.strip(), validate=True)
    except NotBase64:
        decoded = b""
    if len(decoded) != KEK_BYTES:
        raise KekFileError(path, f"holds neither {KEK_BYTES} bytes nor the base64 of {KEK_BYTES} bytes")
    return decoded
