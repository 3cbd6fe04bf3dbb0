"""Spans of a process arrive at a collector."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PROGRAM = """
import sys
from opentelemetry import trace
from plexsphere_adapters.system.build import build
from plexsphere_apps.telemetry import tracing
with tracing("core", build(), sys.argv[1] or None):
    with trace.get_tracer("program").start_as_current_span("the work"):
        pass
"""


class Collector(HTTPServer):
    """Takes OTLP over HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[tuple[str, bytes]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Not on the output of the tests."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(endpoint: str) -> None:
    subprocess.run([sys.executable, "-c", PROGRAM, endpoint], check=True, timeout=60)


def test_spans_are_exported_and_flushed_at_the_end(collector: Collector) -> None:
    run(f"http://127.0.0.1:{collector.server_port}")
    ((path, body),) = collector.received
    assert path == "/v1/traces"
    (spans,) = ExportTraceServiceRequest.FromString(body).resource_spans
    attributes = {attribute.key: attribute.value.string_value for attribute in spans.resource.attributes}
    assert attributes["service.name"] == "plexsphere-core"
    assert [span.name for span in spans.scope_spans[0].spans] == ["the work"]


def test_without_an_endpoint_nothing_is_exported() -> None:
    run("")
