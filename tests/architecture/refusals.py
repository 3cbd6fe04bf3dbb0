"""Which refusals a handler can meet, as far as its source tells.

Followed are the services that the handler calls, and what they call in turn, as far as names and annotations say what
that is. A refusal counts where it is raised, and where a docstring says so: `Raises X, and what `Y.z` raises`. Ports
have no body, so their docstrings speak for whatever implements them. What is reached through a local variable is not
followed; the docstring of the one who calls it has to name it.
"""

import ast
import inspect
import re
import textwrap
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import plexsphere_adapters
import plexsphere_apps
import plexsphere_domain
from plexsphere_adapters.http.operation import Operation
from plexsphere_domain.kernel import errors
from plexsphere_domain.kernel.errors import DomainError

KINDS = {member for _, member in inspect.getmembers(errors, inspect.isclass)}
"""The kinds of refusals, which have no code of their own."""

_RAISES = re.compile(r"\b[Rr]aises (?P<what>[^.]*(?:\.\w[^.]*)*)")
_REFERENCE = re.compile(r"`(\w+)\.(\w+)`")
_NAME = re.compile(r"\b[A-Z]\w+[a-z]\w*\b")

Refusals = frozenset[type[DomainError]]


@cache
def all_refusals() -> Refusals:
    """Every class of refusal in the source."""
    found: set[type[DomainError]] = set()
    for package in (plexsphere_domain, plexsphere_adapters, plexsphere_apps):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                members = inspect.getmembers(import_module(module.name), inspect.isclass)
                found.update(member for _, member in members if issubclass(member, DomainError))
    return frozenset(found) - KINDS


@cache
def _by_name() -> Mapping[str, type[DomainError]]:
    return {each.__name__: each for each in all_refusals()}


def met_by(operation: Operation) -> Refusals:
    """The refusals that the operation's handler can meet."""
    names = {**operation.services}
    return frozenset(_of_body(operation.handler, names, operation.body, set()))


def _of(function: Callable[..., Any], owner: Any, seen: set[str]) -> Iterator[type[DomainError]]:
    function = inspect.unwrap(getattr(function, "__func__", function))
    if not function.__module__.startswith("plexsphere_") or f"{function.__module__}.{function.__qualname__}" in seen:
        return
    seen.add(f"{function.__module__}.{function.__qualname__}")
    yield from _documented(function, seen)
    yield from _of_body(function, {"self": owner, "cls": owner} if owner else {}, None, seen)


def _documented(function: Callable[..., Any], seen: set[str]) -> Iterator[type[DomainError]]:
    known = inspect.unwrap(function).__globals__
    for told in _RAISES.finditer(inspect.getdoc(function) or ""):
        for owner, method in _REFERENCE.findall(told["what"]):
            if owner in known and hasattr(known[owner], method):
                yield from _of(getattr(known[owner], method), known[owner], seen)
        for name in _NAME.findall(_REFERENCE.sub("", told["what"])):
            refusal = known.get(name, _by_name().get(name))
            if _is_refusal(refusal):
                yield refusal


def _of_body(
    function: Callable[..., Any], locals: Mapping[str, Any], body: Any, seen: set[str]
) -> Iterator[type[DomainError]]:
    known = function.__globals__
    types = {**locals, **_transactions(locals.get("self"))}
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        match node:
            case ast.Raise(exc=ast.Call(func=ast.Name(id=name)) | ast.Name(id=name)) if _is_refusal(known.get(name)):
                yield known[name]
            case ast.Call(func=ast.Name(id=name)):
                yield from _called(known.get(name), None, seen)
            case ast.Call(func=ast.Attribute(value=ast.Attribute(value=ast.Name("call"), attr="body"), attr=method)):
                yield from _called(getattr(body, method, None), body, seen)
            case ast.Call(func=ast.Attribute(value=of, attr=method)):
                owner = _type_of(of, types, known)
                yield from _called(getattr(owner, method, None), owner, seen)


def _called(called: Any, owner: Any, seen: set[str]) -> Iterator[type[DomainError]]:
    if inspect.isclass(called):
        for made in ("__init__", "__attrs_post_init__"):
            if inspect.isfunction(getattr(called, made, None)) and made in called.__dict__ and made != "__init__":
                yield from _of(getattr(called, made), called, seen)
    elif inspect.isfunction(called) or inspect.ismethod(called):
        yield from _of(called, owner, seen)


def _type_of(node: ast.expr, types: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    """The class of what an expression names, None where names and annotations do not tell."""
    match node:
        case ast.Name(id=name):
            found = types.get(name, known.get(name))
            return _plain(found) if found is not None else None
        case ast.Attribute(value=of, attr=attribute):
            owner = _type_of(of, types, known)
            if owner is None:
                return None
            declared = inspect.getattr_static(owner, attribute, None)
            if isinstance(declared, property):
                return _plain(typing.get_type_hints(declared.fget).get("return"))
            return _plain(typing.get_type_hints(owner).get(attribute))
    return None


def _transactions(owner: Any) -> Mapping[str, Any]:
    """What `tx` is in the methods of a service: what its `transactions` begin."""
    if owner is None:
        return {}
    hints = typing.get_type_hints(owner)
    begun = typing.get_args(hints.get("transactions"))
    return {"tx": begun[0]} if begun else {}


def _plain(hint: Any) -> Any:
    """The class behind an annotation."""
    if isinstance(hint, typing.TypeVar):
        return hint.__bound__
    origin = typing.get_origin(hint)
    return origin if inspect.isclass(origin) else hint


def _is_refusal(found: Any) -> typing.TypeGuard[type[DomainError]]:
    return inspect.isclass(found) and issubclass(found, DomainError) and found not in KINDS
