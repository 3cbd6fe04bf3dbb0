"""The kinds of values that configuration takes."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

from plexsphere_apps.configuration import Kind
from plexsphere_domain.kernel.errors import DomainError
from plexsphere_domain.kernel.ids import DomainId, parse_id
from plexsphere_domain.kernel.secrets import SecretStr
from plexsphere_domain.signing.model import DeploymentHost

_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h))+")
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h)")

SecretSource: TypeAlias = Callable[[], SecretStr]
"""Gives a secret as it is now. Raises OSError while the file that it stands in holds none."""

LOG_LEVELS: Final = ("debug", "info", "warning", "error")


def duration(text: str) -> timedelta:
    """A duration as Go spells it: decimal numbers with units, such as `1m30s` or `250ms`. Raises ValueError."""
    if text == "0":
        return timedelta()
    if not _DURATION.fullmatch(text):
        raise ValueError("numbers with one of the units ns, us, ms, s, m, h")
    try:
        return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(text)))
    except OverflowError:
        raise ValueError("it is too long") from None


def spelled(value: timedelta) -> str:
    """A duration for people to read, in the spelling that `duration` reads."""
    seconds = value.total_seconds()
    return f"{seconds * 1000:g}ms" if 0 < seconds < 1 else f"{seconds:g}s"


def address(text: str) -> str:
    """`host:port`, where an IPv6 host stands in brackets. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or (":" in host and not host.startswith("[")):
        raise ValueError("the form is host:port")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("the port is a number up to 65535")
    return text


def host_of(address: str) -> str:
    """The host of a `host:port`, without brackets."""
    return address.rpartition(":")[0].strip("[]")


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta():
        raise ValueError("it must be more than nothing")
    return value


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError("digits only")
    return int(text)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("exactly one of these two words")
    return text == "true"


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError("lower case")
        return text

    return parse


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in schemes or not parts.hostname:
            raise ValueError(f"it begins with {' or '.join(f'{scheme}://' for scheme in schemes)} and names a host")
        return text.rstrip("/")

    return parse


def _nats(text: str) -> SecretStr:
    for url in text.split(","):
        _url("nats", "tls")(url.strip())
    return SecretStr(text)


def _existing(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise ValueError("there is no such file")
    return path


def _host(text: str) -> DeploymentHost:
    try:
        return DeploymentHost(text)
    except DomainError as refusal:
        raise ValueError(refusal.detail) from refusal


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(origin.strip() for origin in text.split(",") if origin.strip())
    for origin in origins:
        parts = urlsplit(origin)
        if origin != f"{parts.scheme}://{parts.netloc}" or parts.scheme not in ("http", "https") or "@" in parts.netloc:
            raise ValueError(f"{origin} is not scheme://host[:port]")
    return origins


def _durations_of_domains(text: str) -> Mapping[DomainId, timedelta]:
    durations: dict[DomainId, timedelta] = {}
    for entry in text.split(",") if text else ():
        name, equals, value = entry.partition("=")
        if not equals:
            raise ValueError(f"{entry} is no pair")
        domain = DomainId(_named(name))
        if domain in durations:
            raise ValueError(f"{name} stands in it twice")
        durations[domain] = duration(value)
    return durations


def _named(text: str) -> UUID:
    try:
        return parse_id(text)
    except ValueError:
        raise ValueError(f"{text} is not the id of a Domain") from None


def _line(text: str) -> SecretStr:
    if not text or not text.isascii() or not text.isprintable():
        raise ValueError("one line of ASCII")
    return SecretStr(text)


def _constant(text: str) -> SecretSource:
    secret = _line(text)
    return lambda: secret


def _read_anew(path: Path) -> SecretSource:
    def read() -> SecretStr:
        try:
            return _line(path.read_text().strip())
        except ValueError:
            raise OSError(f"{path} does not hold a secret in one line") from None

    return read


TEXT: Final = Kind("a text", str)
SECRET: Final = Kind("a secret", SecretStr, secret=True)
RENEWED_SECRET: Final = Kind("a secret of one line", _constant, secret=True, in_file=_read_anew)
COUNT: Final = Kind("a whole number", _count)
BOOLEAN: Final = Kind("true or false", _boolean)
DURATION: Final = Kind("a duration such as 30s or 1m30s", lambda text: _positive(duration(text)))
DURATIONS_OF_DOMAINS: Final = Kind("pairs domain-id=duration, separated by commas", _durations_of_domains)
PATH: Final = Kind("a path", Path)
FILE: Final = Kind("a file", _existing)
ADDRESS: Final = Kind("an address host:port", address)
HOST: Final = Kind("a public host name, with :port where it is not 443", _host)
HTTP_URL: Final = Kind("an http or https URL", _url("http", "https"))
NATS_URLS: Final = Kind("nats:// or tls:// URLs, separated by commas", _nats, secret=True)
ORIGINS: Final = Kind("origins scheme://host[:port], separated by commas", _origins)
SEVERITY: Final = Kind(f"one of {', '.join(LOG_LEVELS)}", _one_of(*LOG_LEVELS))
