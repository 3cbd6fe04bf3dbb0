"""Page cursors: opaque to the caller, signed by us, bound to the list and, where it matters, to the caller.

A cursor is `<base64url payload>.<base64url HMAC-SHA256>`. The payload is a version byte, the hash of the list that it
belongs to, a pseudonym of the caller it was made for (16 zero bytes where the list is bound to nobody), and the sort
key of the last row as JSON. The signature covers all of it, so a caller can neither make nor move one.
"""

import base64
import binascii
import hmac
import json
from hashlib import sha256

from attrs import frozen

from plexsphere_adapters.http.errors import CursorBindingMismatch, InvalidCursor
from plexsphere_domain.kernel.actor import Principal
from plexsphere_domain.kernel.paging import Key
from plexsphere_domain.kernel.secrets import SecretBytes

VERSION = b"\x01"
MAX_LENGTH = 2048
_NOBODY = bytes(16)


@frozen
class Cursors:
    """Makes and reads cursors under `key`, which all replicas share."""

    key: SecretBytes

    def write(self, position: Key, *, of: str, to: Principal | None) -> str:
        """The cursor behind `position` of the list `of`, for the caller `to`, or for anybody where that is None."""
        payload = VERSION + _digest(of) + self._pseudonym(to) + json.dumps(position).encode()
        return f"{_text(payload)}.{_text(self._sign(payload))}"

    def read(self, cursor: str, *, of: str, by: Principal | None) -> Key:
        """The position that the cursor stands for. Raises InvalidCursor, CursorBindingMismatch."""
        try:
            payload, signature = (_bytes(part) for part in cursor[:MAX_LENGTH].split("."))
        except (ValueError, binascii.Error) as fault:
            raise InvalidCursor from fault
        if not hmac.compare_digest(signature, self._sign(payload)):
            raise InvalidCursor
        if payload[:1] != VERSION or payload[1:17] != _digest(of):
            raise InvalidCursor
        if payload[17:33] != self._pseudonym(by):
            raise CursorBindingMismatch
        return tuple(json.loads(payload[33:]))

    def _sign(self, payload: bytes) -> bytes:
        return hmac.digest(self.key.reveal(), b"cursor:" + payload, "sha256")

    def _pseudonym(self, caller: Principal | None) -> bytes:
        if caller is None:
            return _NOBODY
        return hmac.digest(self.key.reveal(), f"caller:{caller.kind}:{caller.id}".encode(), "sha256")[:16]


def _digest(name: str) -> bytes:
    return sha256(name.encode()).digest()[:16]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    """Strict: only the one spelling that `_text` gives, so that no character of a cursor can be changed unnoticed."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _text(raw) != text:
        raise ValueError("not the canonical spelling")
    return raw
