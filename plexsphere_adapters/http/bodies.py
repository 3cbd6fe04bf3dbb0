"""Request bodies: bounded before they are decoded, as sent and as inflated, and in the time that they take."""

import asyncio
import zlib
from typing import Final

from starlette.requests import Request

from plexsphere_adapters.http.operation import Operation
from plexsphere_adapters.http.wire import Undecodable, decode
from plexsphere_domain.kernel.errors import DomainError

JSON_TYPES = ("application/json", "")

DEADLINE: Final = 30.0
"""Seconds that a body may take to arrive, as long as plexd's whole request may last."""


class BodyTooSlow(Exception):
    """The body did not arrive within `DEADLINE`."""


async def body_of(operation: Operation, request: Request) -> object:
    """The decoded body, None where the operation takes none or an optional one is missing.

    Raises the operation's own refusals of an oversized and of a malformed body, and BodyTooSlow.
    """
    if operation.body is None:
        return None
    try:
        async with asyncio.timeout(DEADLINE):
            raw = await _bounded(operation, request)
    except TimeoutError as late:
        raise BodyTooSlow from late
    if not raw and operation.body_optional:
        return None
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in JSON_TYPES and not media_type.endswith("+json"):
        raise operation.malformed("the body must be application/json")
    try:
        return decode(raw, operation.body)
    except Undecodable as fault:
        raise operation.malformed(str(fault)) from fault


async def _bounded(operation: Operation, request: Request) -> bytes:
    """The body as JSON text. Never holds more than the cap and one chunk."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > operation.cap:
        raise operation.oversized(operation.cap)
    inflate = _inflater(operation, request)
    parts: list[bytes] = []
    sent = inflated = 0
    async for chunk in request.stream():
        sent += len(chunk)
        if sent > operation.cap:
            raise operation.oversized(operation.cap)
        part = inflate(chunk)
        inflated += len(part)
        if inflated > operation.cap:
            raise operation.oversized(operation.cap)
        parts.append(part)
    inflate.finish()
    return b"".join(parts)


class _Identity:
    def __call__(self, chunk: bytes) -> bytes:
        return chunk

    def finish(self) -> None:
        """A body may end anywhere."""


class _Gzip:
    """Inflates at most one byte beyond the cap, so that a bomb costs nothing (RFC 1952 framing only)."""

    def __init__(self, operation: Operation) -> None:
        self._malformed = operation.malformed
        self._left = operation.cap + 1
        self._stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    def __call__(self, chunk: bytes) -> bytes:
        if not chunk or self._left <= 0:
            return b""
        try:
            part = self._stream.decompress(chunk, self._left)
        except zlib.error as fault:
            raise self._malformed("the body is not valid gzip") from fault
        self._left -= len(part)
        return part

    def finish(self) -> None:
        """Without its trailer, and so its checksum, it is not all that was sent."""
        if not self._stream.eof:
            raise self._malformed("the body is not valid gzip")


def _inflater(operation: Operation, request: Request) -> _Identity | _Gzip:
    match request.headers.get("content-encoding", "identity").strip().lower():
        case "identity" | "":
            return _Identity()
        case "gzip":
            return _Gzip(operation)
        case _:
            refusal: DomainError = operation.malformed("the content encoding is neither gzip nor identity")
            raise refusal
