"""What a call carries beside its request: the trace and the correlation id of the occasion it is made on."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, cast

import structlog
from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind

CORRELATION_KEY: Final = "correlation-id"

Metadata = tuple[tuple[str, str], ...]

tracer = trace.get_tracer("plexsphere.signer")


def outgoing() -> Metadata:
    """The metadata of a call that is made in the present context."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    correlation_id = structlog.contextvars.get_contextvars().get("correlation_id")
    if correlation_id is not None:
        carrier[CORRELATION_KEY] = str(correlation_id)
    return tuple(carrier.items())


@contextmanager
def incoming(call: str, metadata: object) -> Iterator[None]:
    """Answer a call as part of the occasion that its metadata tells of."""
    received = cast("Iterable[tuple[str, str | bytes]]", metadata or ())
    carrier = {key: value for key, value in received if isinstance(value, str)}
    correlation_id = {"correlation_id": carrier[CORRELATION_KEY][:128]} if CORRELATION_KEY in carrier else {}
    with (
        tracer.start_as_current_span(f"signer.{call}", context=propagate.extract(carrier), kind=SpanKind.SERVER),
        structlog.contextvars.bound_contextvars(call=call, **correlation_id),
    ):
        yield
