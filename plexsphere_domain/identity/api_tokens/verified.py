"""A short memory of verified plaintexts, so that a request does not cost an Argon2 run.

An entry says: this plaintext (its SHA-256) was verified against this hash. It is believed only while the row that was
just read carries that very hash, so a rotated token is checked again; whether the token is revoked or expired is read
from the row and never remembered.
"""

from collections import OrderedDict
from datetime import datetime, timedelta

from attrs import frozen

from plexsphere_domain.identity.credentials import CredentialHash


@frozen
class _Entry:
    hash: CredentialHash
    until: datetime


class VerifiedPlaintexts:
    """At most `size` entries, each for `ttl`; the least recently used one makes room."""

    def __init__(self, *, size: int = 4096, ttl: timedelta = timedelta(minutes=5)) -> None:
        self._size = size
        self._ttl = ttl
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()

    def holds(self, digest: bytes, against: CredentialHash, now: datetime) -> bool:
        """Whether the plaintext of this digest was verified against exactly `against`, lately."""
        entry = self._entries.get(digest)
        if entry is None:
            return False
        if entry.hash != against or now >= entry.until:
            del self._entries[digest]
            return False
        self._entries.move_to_end(digest)
        return True

    def remember(self, digest: bytes, against: CredentialHash, now: datetime) -> None:
        self._entries[digest] = _Entry(against, now + self._ttl)
        self._entries.move_to_end(digest)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)
