"""The HTTP interface."""

from plexsphere_adapters.metrics.registry import counter, histogram

REQUESTS = counter("plexsphere_http_requests_total", "Requests that were answered.", ("operation", "status"))
SECONDS = histogram(
    "plexsphere_http_request_seconds",
    "From the arrival of a request to its answer; for a stream, to its first byte.",
    ("operation",),
)


def observe(operation: str, status: int, seconds: float) -> None:
    """Count one answered request."""
    REQUESTS.labels(operation, str(status)).inc()
    SECONDS.labels(operation).observe(seconds)
