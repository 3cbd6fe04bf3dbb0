"""Configuration from environment variables, declared once and decoded as a whole.

A `Variable` says what one environment variable is called, which `Kind` of value it takes, and what it is for. A process
has one frozen class whose fields are variables:

    @frozen(kw_only=True)
    class Config:
        addr: str = of(OPENBAO_ADDR)

and `decode(Config, environ, known)` gives the object or a `ConfigurationError` that lists everything that is wrong.
An empty value counts as none. A secret may be given in a file instead, named by the variable with `_FILE` added.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, cast

import attrs
from attrs import field, frozen

PREFIX: Final = "PLEXSPHERE_"

T = TypeVar("T")

_SERVICE_LINK = re.compile(r"\w+_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)")
"""Names that Kubernetes gives a Pod for every Service beside it, such as one called plexsphere-signer."""


@frozen
class ConfigurationError(Exception):
    """The environment does not make a configuration. Each problem names its variable; none holds a secret."""

    problems: tuple[str, ...]

    def __str__(self) -> str:
        return "configuration: " + "; ".join(self.problems)


@frozen
class Kind(Generic[T]):
    """A kind of value: how it is described to people, and how it is read. `parse` raises ValueError.

    `in_file` makes the value of a file whose content may change under way, and has been seen to be one. Where there is
    no `in_file`, the content is read once.
    """

    form: str
    parse: Callable[[str], T]
    secret: bool = False
    in_file: Callable[[Path], T] | None = None


@frozen(kw_only=True)
class Variable(Generic[T]):
    """One environment variable. `default` is what an operator would have written; None where there is none."""

    name: str = field()
    kind: Kind[T]
    help: str
    default: str | None
    required: bool

    @name.validator
    def _prefixed(self, _attribute: object, name: str) -> None:
        if not re.fullmatch(rf"{PREFIX}[A-Z0-9_]+", name):
            raise ValueError(f"{name} does not begin with {PREFIX}")

    @property
    def file_name(self) -> str | None:
        """The variable that names a file holding the value, for secrets."""
        return f"{self.name}_FILE" if self.kind.secret else None

    @property
    def names(self) -> Iterator[str]:
        """Every name under which a value may be given."""
        yield self.name
        if self.file_name is not None:
            yield self.file_name


def required(name: str, kind: Kind[T], help: str) -> Variable[T]:
    """A variable without which the process does not start."""
    return Variable(name=PREFIX + name, kind=kind, help=help, default=None, required=True)


def defaulted(name: str, kind: Kind[T], default: str, help: str) -> Variable[T]:
    """A variable that has `default` where it is not set."""
    return Variable(name=PREFIX + name, kind=kind, help=help, default=default, required=False)


def optional(name: str, kind: Kind[T], help: str) -> "Variable[T | None]":
    """A variable that is None where it is not set."""
    return cast("Variable[T | None]", Variable(name=PREFIX + name, kind=kind, help=help, default=None, required=False))


def of(variable: Variable[T]) -> T:
    """An attrs field that holds the value of `variable`."""
    return cast("T", field(metadata={Variable: variable}))


def variables(config: type[Any]) -> tuple[Variable[Any], ...]:
    """The variables that a configuration class reads, in the order of its fields."""
    return tuple(declared.metadata[Variable] for declared in attrs.fields(config) if Variable in declared.metadata)


def decode(config: type[T], environ: Mapping[str, str], known: Iterable[Variable[Any]] = ()) -> T:
    """The configuration in `environ`; raises ConfigurationError with all that is wrong at once.

    Variables of `known` may be set too, for other processes that share the environment; any further variable with the
    prefix is a mistake.
    """
    problems: list[str] = []
    values: dict[str, object] = {}
    for declared in attrs.fields(cast("type[attrs.AttrsInstance]", config)):
        try:
            values[declared.alias] = _value(declared.metadata[Variable], environ)
        except ValueError as problem:
            problems.append(str(problem))
    problems += _unknown(environ, (*variables(config), *known))
    if problems:
        raise ConfigurationError(tuple(problems))
    return config(**values)


def _value(variable: Variable[Any], environ: Mapping[str, str]) -> object:
    """The value of the variable; raises ValueError with a sentence that names it."""
    text = environ.get(variable.name) or None
    file = environ.get(variable.file_name) or None if variable.file_name else None
    if text is not None and file is not None:
        raise ValueError(f"{variable.name} and {variable.file_name} are both set; set one of them")
    if file is not None:
        text = _content(Path(file), cast("str", variable.file_name))
    if text is None:
        text = variable.default
    if text is None:
        if variable.required:
            raise ValueError(f"{variable.name} is not set; it is {variable.help}")
        return None
    try:
        value = variable.kind.parse(text)
    except ValueError as refusal:
        shown = "its value" if variable.kind.secret else repr(text[:80])
        reason = f" ({refusal})" if str(refusal) and not variable.kind.secret else ""
        raise ValueError(f"{variable.name}: {shown} is not {variable.kind.form}{reason}") from None
    return variable.kind.in_file(Path(file)) if file is not None and variable.kind.in_file is not None else value


def _content(path: Path, name: str) -> str:
    try:
        text = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as failure:
        raise ValueError(f"{name}: {path} cannot be read ({type(failure).__name__})") from None
    if not text:
        raise ValueError(f"{name}: {path} is empty")
    return text


def _unknown(environ: Mapping[str, str], known: Iterable[Variable[Any]]) -> Iterator[str]:
    names = {name for variable in known for name in variable.names}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in names or _SERVICE_LINK.fullmatch(name):
            continue
        close = get_close_matches(name, names, n=1, cutoff=0.75)
        hint = f"; did you mean {close[0]}?" if close else ""
        yield f"{name} is not a variable of plexsphere{hint}"
