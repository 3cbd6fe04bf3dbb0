"""Logs: one JSON object a line on stderr, with the service, the correlation id where there is one, and no secrets.

Whoever serves a request binds `correlation_id` with `structlog.contextvars`; every line written meanwhile carries it.
Secrets are kept out of the logs where they are handled (`SecretStr`); what `redact` does is a net beneath.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog
from opentelemetry import trace
from structlog.types import Processor

_SHAPES: Final = re.compile(
    r"""
      (?P<token>\b(?:psk|psb)_[a-z]+_[a-z2-7]+_)[a-z0-9_-]{12,}     # API and bootstrap tokens
    | (?P<nsk>\bnsk_[^_\s"]+_)[A-Za-z0-9_-]{40,}                    # bearer envelopes of Nodes
    | (?P<vault>\b(?:hvs\.|hvb\.|s\.))[A-Za-z0-9_-]{20,}            # OpenBao tokens
    | (?P<url>\b[a-z][a-z0-9+.-]*://[^\s:/@"']*:)[^\s/@"']+(?=@)    # passwords in URLs
    | (?P<dsn>\bpassword\s*=\s*)(?:'[^']*'|[^\s'"\\]+)              # passwords in key=value connection strings
    | (?P<bearer>\b[Bb]earer\s+)[^\s"'\\]+                          # credentials in headers
    | (?P<pem>-----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----)(?:.|\n)*?(?=-----END|$)
    """,
    re.VERBOSE,
)

REDACTED: Final = "***"


def redact(text: str) -> str:
    """The text without what looks like a secret."""
    return _SHAPES.sub(lambda match: f"{match[match.lastgroup]}{REDACTED}" if match.lastgroup else REDACTED, text)


def configure(service: str, level: str) -> None:
    """Send all logs of this process, also those of libraries, to stderr, from `level` upwards."""
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _said_by(service),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *common,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Redacting(
            foreign_pre_chain=[*common, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=repr),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for chatty in ("hypercorn", "httpx", "httpcore", "botocore", "aiobotocore", "urllib3", "nats", "opentelemetry"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


class _Redacting(structlog.stdlib.ProcessorFormatter):
    """The last thing that happens to a line."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def _said_by(service: str) -> Processor:
    """Adds who says it, and the trace that it belongs to, if there is one."""

    def add(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            event["trace_id"] = f"{span.trace_id:032x}"
        return event

    return add
