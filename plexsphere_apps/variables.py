"""Every environment variable of every process of plexsphere. The reference table is made of these."""

from typing import Any, Final

from plexsphere_apps.configuration import Variable, defaulted, optional, required
from plexsphere_apps.kinds import (
    ADDRESS,
    BOOLEAN,
    COUNT,
    DURATION,
    DURATIONS_OF_DOMAINS,
    FILE,
    HOST,
    HTTP_URL,
    NATS_URLS,
    ORIGINS,
    PATH,
    RENEWED_SECRET,
    SECRET,
    SEVERITY,
    TEXT,
)

PUBLIC_HOST: Final = required(
    "PUBLIC_HOST", HOST, "the host under which agents and operators reach this deployment; it names the signing keys"
)
LOG_LEVEL: Final = defaulted("LOG_LEVEL", SEVERITY, "info", "the least severe log lines that are written")
OTLP_ENDPOINT: Final = optional(
    "OTLP_ENDPOINT", HTTP_URL, "where traces are sent (OTLP over HTTP); no traces where it is not set"
)
PROBE_TIMEOUT: Final = defaulted("PROBE_TIMEOUT", DURATION, "2s", "how long each probe of /readyz may take")

POSTGRES_DSN: Final = required("POSTGRES_DSN", SECRET, "the connection string of the PostgreSQL database")
POSTGRES_POOL_MIN: Final = defaulted("POSTGRES_POOL_MIN", COUNT, "2", "connections that a replica always holds")
POSTGRES_POOL_MAX: Final = defaulted("POSTGRES_POOL_MAX", COUNT, "10", "connections that a replica holds at most")
POSTGRES_POOL_IDLE: Final = defaulted(
    "POSTGRES_POOL_IDLE", DURATION, "30s", "after which an unused connection above the minimum is closed"
)
POSTGRES_POOL_CHECK: Final = defaulted(
    "POSTGRES_POOL_CHECK", DURATION, "30s", "after which an idle connection is tested before it is used"
)

NATS_URL: Final = required("NATS_URL", NATS_URLS, "the NATS servers that carry the event stream")
STREAM_REPLICAS: Final = defaulted("STREAM_REPLICAS", COUNT, "3", "copies of the event stream in the NATS cluster")

OPENBAO_ADDR: Final = required("OPENBAO_ADDR", HTTP_URL, "the address of OpenBao")
OPENBAO_TOKEN: Final = required(
    "OPENBAO_TOKEN", RENEWED_SECRET, "the token with which to speak to OpenBao; its file is read anew for every call"
)
OPENBAO_CA_FILE: Final = optional(
    "OPENBAO_CA_FILE", FILE, "the PEM authorities to trust for OpenBao; those of the system where it is not set"
)

S3_ENDPOINT: Final = required("S3_ENDPOINT", HTTP_URL, "the address of the S3 store")
S3_ACCESS_KEY: Final = required("S3_ACCESS_KEY", TEXT, "the access key id for the S3 store")
S3_SECRET_KEY: Final = required("S3_SECRET_KEY", SECRET, "the secret access key for the S3 store")
S3_BUCKET: Final = required("S3_BUCKET", TEXT, "the bucket for blobs; bootstrap creates it, core probes it")
S3_REGION: Final = defaulted("S3_REGION", TEXT, "us-east-1", "the region that requests to the S3 store are signed for")

SPICEDB_ENDPOINT: Final = required("SPICEDB_ENDPOINT", ADDRESS, "the gRPC address of SpiceDB")
SPICEDB_KEY: Final = required("SPICEDB_KEY", SECRET, "the preshared key of SpiceDB")
SPICEDB_CA_FILE: Final = optional(
    "SPICEDB_CA_FILE", FILE, "the PEM authorities to trust for SpiceDB; those of the system where it is not set"
)

SIGNER_ENDPOINT: Final = required("SIGNER_ENDPOINT", ADDRESS, "the gRPC address of the signer")
SIGNER_CA_FILE: Final = required("SIGNER_CA_FILE", FILE, "the PEM authority of the signer's certificate")
SIGNER_CERT_FILE: Final = required(
    "SIGNER_CERT_FILE", FILE, "the PEM certificate, with the DNS name `core`, that core shows to the signer"
)
SIGNER_KEY_FILE: Final = required("SIGNER_KEY_FILE", FILE, "the PEM private key of SIGNER_CERT_FILE")

CSRF_ALLOWED_ORIGINS: Final = defaulted(
    "CSRF_ALLOWED_ORIGINS", ORIGINS, "", "further origins that may send requests with a session cookie"
)
AUTH_TRUST_PROXY_HEADERS: Final = defaulted(
    "AUTH_TRUST_PROXY_HEADERS", BOOLEAN, "false", "whether X-Forwarded-* of a proxy in front are believed"
)
AUTHZ_STALE_TTL: Final = defaulted(
    "AUTHZ_STALE_TTL", DURATION, "60s", "how long a decision may be used again while SpiceDB is away"
)
AUTHZ_STALE_TTL_OF_DOMAINS: Final = defaulted(
    "AUTHZ_STALE_TTL_OF_DOMAINS",
    DURATIONS_OF_DOMAINS,
    "",
    "Domains to which another time than AUTHZ_STALE_TTL applies; `0` never uses a decision again",
)
STATE_STALE_TTL: Final = defaulted(
    "STATE_STALE_TTL", DURATION, "5m", "how long a Node's last known state may be served while stores are away"
)

SIGNER_KEY_DIR: Final = required("SIGNER_KEY_DIR", PATH, "the directory of the sealed signing keys")
SIGNER_KEK_FILE: Final = required(
    "SIGNER_KEK_FILE", PATH, "the file, readable by its owner only, of the key under which signing keys are sealed"
)
SIGNER_TLS_CA_FILE: Final = required("SIGNER_TLS_CA_FILE", FILE, "the PEM authority of the certificate that core shows")
SIGNER_TLS_CERT_FILE: Final = required(
    "SIGNER_TLS_CERT_FILE", FILE, "the PEM certificate of the signer, with the DNS name `signer`"
)
SIGNER_TLS_KEY_FILE: Final = required("SIGNER_TLS_KEY_FILE", FILE, "the PEM private key of SIGNER_TLS_CERT_FILE")

ALL: Final[tuple[Variable[Any], ...]] = tuple(value for value in globals().values() if isinstance(value, Variable))
