"""Signing keys in files, each sealed under a key-encryption key."""

from plexsphere_adapters.keyfiles.kek import KekFileError, read_kek
from plexsphere_adapters.keyfiles.provider import FileKeyProvider, KeyDirectoryError

__all__ = ["FileKeyProvider", "KekFileError", "KeyDirectoryError", "read_kek"]
