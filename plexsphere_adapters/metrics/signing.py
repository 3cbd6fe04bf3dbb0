"""Signing, on either side of the connection between core and signer."""

from plexsphere_adapters.metrics.registry import counter, histogram

CALLS = counter("plexsphere_signer_calls_total", "Calls that the signer answered.", ("call", "outcome"))
SIGNATURES = counter("plexsphere_signer_signatures_total", "Signatures that the signer made.")
CLIENT_SECONDS = histogram(
    "plexsphere_signer_client_seconds", "How long a call to the signer took core, retries included.", ("call",)
)
