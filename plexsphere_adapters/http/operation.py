"""The declaration of an operation: the single source of its routing, authentication, gate, decoding, problems and
description.

A handler takes the `Call`, the application services it needs (by their types), and its path, query and header
parameters (annotated with `InPath`, `InQuery` or `InHeader`). It decodes nothing, checks nothing and encodes nothing.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from attrs import field, frozen

from plexsphere_adapters.http.admission import OPERATOR, Admission
from plexsphere_adapters.http.errors import InvalidBody, RequestBodyTooLarge
from plexsphere_domain.authz.errors import PermissionDenied
from plexsphere_domain.authz.model import ObjectRef, ObjectType, Permission
from plexsphere_domain.kernel.actor import Actor
from plexsphere_domain.kernel.errors import DomainError
from plexsphere_domain.kernel.paging import PageRequest
from plexsphere_domain.mesh.reachability.ports import Standing

KIB = 1024
MIB = 1024 * KIB

B = TypeVar("B")
Handler = Callable[..., Awaitable[Any]]


@frozen(kw_only=True)
class Call(Generic[B]):
    """What a handler knows of the request: who calls, the decoded body, and the page that was asked for.

    Where a Node calls, `standing` is how it stood when its key was read.
    """

    actor: Actor
    body: B
    page: PageRequest
    standing: Standing | None = None


@frozen
class InPath:
    """A path parameter; what does not parse is refused with `refusal`."""

    refusal: Callable[[], DomainError]


@frozen
class InQuery:
    """A query parameter; `name` where it differs from the Python one."""

    refusal: Callable[[], DomainError]
    name: str | None = None


@frozen
class InHeader:
    """A header, given to the handler as it came."""

    name: str


Place = InPath | InQuery | InHeader


@frozen(kw_only=True)
class Parameter:
    """A parameter of the handler that comes out of the request. `notes` are the schema's annotations."""

    argument: str
    name: str
    kind: Any
    place: Place
    optional: bool


@frozen(kw_only=True)
class Gate:
    """`permission` on the object of `type` that `on` names: a path argument's name, or a function of the decoded body.

    `denied` replaces the denial where the surface tells it in its own way.
    """

    type: ObjectType
    permission: Permission
    on: str | Callable[[Any], Any] | None = None
    denied: Callable[[PermissionDenied], DomainError] | None = None

    def needs_body(self) -> bool:
        return callable(self.on)

    def object(self, arguments: dict[str, Any], body: Any) -> ObjectRef:
        match self.on:
            case None:
                return ObjectRef(self.type, "plexsphere")
            case str(argument):
                return ObjectRef(self.type, arguments[argument])
            case of_body:
                return ObjectRef(self.type, of_body(body))


@frozen(kw_only=True)
class Paging:
    """The operation is a list. `bound` cursors serve nobody but the caller they were made for.

    `scope` is a path argument that the cursor is tied to besides the operation; `tells_emptiness` adds the member
    `empty_reason` when the filter hid every row; `name` is the schema's.
    """

    name: str
    bound: bool = True
    scope: str | None = None
    tells_emptiness: bool = False


@frozen
class Answer:
    """A success: its status, the type of its body (None for an empty one) and its media type.

    `location` is a template over the answer's own members and the path arguments.
    """

    status: int
    type: Any = None
    location: str | None = None
    media_type: str = "application/json"
    headers: tuple[str, ...] = ()


def ok(type: Any, **more: Any) -> Answer:
    return Answer(200, type, **more)


def created(type: Any, location: str | None = None) -> Answer:
    return Answer(201, type, location)


def accepted(type: Any = None, location: str | None = None) -> Answer:
    return Answer(202, type, location)


NO_CONTENT = Answer(204)


@frozen(kw_only=True)
class Operation:
    """Everything that is known of an operation before a request comes."""

    method: str
    path: str
    id: str
    tag: str
    handler: Handler
    admission: Admission
    gate: Gate | None
    body: Any
    cap: int
    malformed: Callable[[str], DomainError]
    oversized: Callable[[int], DomainError]
    body_optional: bool
    paging: Paging | None
    returns: tuple[Answer, ...]
    problems: tuple[type[DomainError], ...]
    parameters: tuple[Parameter, ...]
    services: dict[str, Any] = field(eq=False)

    @property
    def summary(self) -> str:
        return (inspect.getdoc(self.handler) or self.id).split("\n", 1)[0]

    @property
    def settles(self) -> bool:
        """Whether an operator's change should be usable by the time the answer arrives."""
        return self.gate is not None and self.method != "GET"


def operation(
    method: str,
    path: str,
    *,
    id: str,
    tag: str,
    returns: Answer | tuple[Answer, ...],
    admission: Admission = OPERATOR,
    gate: Gate | None = None,
    body: Any = None,
    body_optional: bool = False,
    cap: int = 8 * KIB,
    malformed: Callable[[str], DomainError] = InvalidBody,
    oversized: Callable[[int], DomainError] = RequestBodyTooLarge,
    paging: Paging | None = None,
    problems: Iterable[type[DomainError]] = (),
) -> Callable[[Handler], Operation]:
    """Declare the decorated handler as an operation."""

    def declare(handler: Handler) -> Operation:
        parameters, services = _arguments(handler)
        return Operation(
            method=method,
            path=path,
            id=id,
            tag=tag,
            handler=handler,
            admission=admission,
            gate=gate,
            body=body,
            body_optional=body_optional,
            cap=cap,
            malformed=malformed,
            oversized=oversized,
            paging=paging,
            returns=returns if isinstance(returns, tuple) else (returns,),
            problems=tuple(problems),
            parameters=parameters,
            services=services,
        )

    return declare


def _arguments(handler: Handler) -> tuple[tuple[Parameter, ...], dict[str, Any]]:
    """The handler's request parameters, and the types of the services it asks for by argument name."""
    parameters: list[Parameter] = []
    services: dict[str, Any] = {}
    hints = get_type_hints(handler, include_extras=True)
    for argument, declared in inspect.signature(handler).parameters.items():
        hint = hints[argument]
        place = next((note for note in _notes(hint) if isinstance(note, Place)), None)
        if place is not None:
            parameters.append(_parameter(argument, hint, place, declared))
        elif get_origin(hint) is not Call and hint is not Call:
            services[argument] = hint
    return tuple(parameters), services


def _parameter(argument: str, hint: Any, place: Place, declared: inspect.Parameter) -> Parameter:
    name = getattr(place, "name", None) or argument
    return Parameter(
        argument=argument,
        name=name,
        kind=hint,
        place=place,
        optional=declared.default is not inspect.Parameter.empty,
    )


def _notes(hint: Any) -> tuple[Any, ...]:
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()
