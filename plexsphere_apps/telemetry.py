"""Traces: spans go to an OpenTelemetry collector where one is configured, and cost next to nothing elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from plexsphere_adapters.system.build import Build


@contextmanager
def tracing(service: str, build: Build, endpoint: str | None) -> Iterator[None]:
    """Export spans to `endpoint` (OTLP over HTTP, `/v1/traces` is added) while the block runs, and flush at its end."""
    if endpoint is None:
        yield
        return
    resource = Resource.create({"service.name": f"plexsphere-{service}", "service.version": build.version})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()
