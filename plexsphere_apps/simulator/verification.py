"""Whether an envelope is to be believed (plexd's order), with the keys that the agent holds."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

from attrs import define, frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from plexsphere_apps.simulator.canonical import Envelope
from plexsphere_apps.simulator.forms import decoded_key

TOLERANCE: Final = timedelta(minutes=5)


class Refusal(StrEnum):
    """Why an envelope is skipped, in the order of the checks."""

    UNSIGNED = "signature_missing"
    UNDATED = "issued_at_missing"
    STALE = "issued_at_stale"
    AHEAD = "issued_at_ahead"
    UNKNOWN_KEY = "key_id_unknown"
    FORGED = "signature_invalid"


@frozen
class HeldKey:
    """A verification key. `until` is the end of its grace, None while it is the current one."""

    kid: str
    public_key: bytes
    until: datetime | None = None


@define
class KeyStore:
    """The current key, and the previous one during a transition. In memory only, as plexd keeps them."""

    current: HeldKey
    previous: HeldKey | None = None

    def find(self, kid: str, now: datetime) -> HeldKey | None:
        if not kid:
            return None
        if kid == self.current.kid:
            return self.current
        held = self.previous
        return held if held and held.kid == kid and held.until is not None and now < held.until else None

    def refuses(self, envelope: Envelope, now: datetime) -> Refusal | None:
        """Why the envelope is not believed; None where it is."""
        if not envelope.signature:
            return Refusal.UNSIGNED
        if envelope.instant is None:
            return Refusal.UNDATED
        if envelope.instant < now - TOLERANCE:
            return Refusal.STALE
        if envelope.instant > now + TOLERANCE:
            return Refusal.AHEAD
        key = self.find(envelope.key_id, now)
        if key is None:
            return Refusal.UNKNOWN_KEY
        return None if _genuine(key.public_key, envelope.canonical, envelope.signature) else Refusal.FORGED

    def rotate(self, payload: object) -> bool:
        """Takes up the key that a verified `signing_key_rotated` announces; False where the payload is of no use."""
        if not isinstance(payload, Mapping):
            return False
        kid, encoded = payload.get("key_id"), payload.get("public_key")
        public_key = decoded_key(encoded) if isinstance(encoded, str) else None
        if not isinstance(kid, str) or not kid or public_key is None:
            return False
        # Without a matching name and an end of its grace the current key dies at once.
        until = _until(payload.get("transition_expires"))
        kept = until is not None and payload.get("previous_key_id") == self.current.kid
        self.previous = HeldKey(self.current.kid, self.current.public_key, until) if kept else None
        self.current = HeldKey(kid, public_key)
        return True


@lru_cache(maxsize=8192)
def _genuine(public_key: bytes, message: bytes, signature: str) -> bool:
    """Remembered, because an event for a whole Domain reaches every agent of this process with the same bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(base64.b64decode(signature, validate=True), message)
    except (binascii.Error, ValueError, InvalidSignature):
        return False
    return True


def _until(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        until = datetime.fromisoformat(text)
    except ValueError:
        return None
    return until if until.tzinfo is not None and until.year > 1 else None
