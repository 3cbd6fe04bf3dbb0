"""The request path of every operation, in the order in which it is walked:

1. a correlation id: the inbound one where it is sound, else a new one,
2. admission: the credential becomes a principal, or 401,
3. parameters, page size and cursor: 400,
4. the binding of Node credentials to their own Node, or the gate of the relation graph: 403; 503 when it cannot say,
5. the body: 413, 400, and the gate where it depends on the body,
6. the handler: one application service,
7. for an operator's change, a short wait until the relation graph knows of it,
8. the answer.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from uuid import UUID

import structlog
from attrs import frozen
from opentelemetry import trace
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from plexsphere_adapters.http.admission import Admitted, Credentials
from plexsphere_adapters.http.bodies import BodyTooSlow, body_of
from plexsphere_adapters.http.cursors import Cursors
from plexsphere_adapters.http.operation import NO_CONTENT, Answer, Call, Operation
from plexsphere_adapters.http.parameters import arguments, cursor_of, limit_of
from plexsphere_adapters.http.problems import bare_problem, problem_of
from plexsphere_adapters.http.wire import encode
from plexsphere_domain.authz.errors import PermissionDenied
from plexsphere_domain.authz.ports import Projection
from plexsphere_domain.authz.service import Authorizer
from plexsphere_domain.kernel.actor import Actor, Principal, PrincipalKind
from plexsphere_domain.kernel.errors import DomainError
from plexsphere_domain.kernel.ids import NodeId
from plexsphere_domain.kernel.paging import Page, PageRequest

log = structlog.get_logger(__name__)
tracer = trace.get_tracer("plexsphere.http")

CORRELATION_HEADER = "X-Correlation-Id"
MAX_USER_AGENT = 512


class Observe(Protocol):
    def __call__(self, operation: str, status: int, seconds: float) -> None:
        """Count a request of the operation that was answered with `status` after `seconds`."""


@frozen(kw_only=True)
class Surroundings:
    """What every operation of a process shares."""

    credentials: Credentials
    authorizer: Authorizer
    projection: Projection
    cursors: Cursors
    services: Mapping[Any, object]
    new_id: Callable[[], UUID]
    observe: Observe
    trust_proxy_headers: bool


@frozen(kw_only=True)
class Answered:
    """An answer other than the first that the operation declares."""

    answer: Answer
    value: Any = None


@frozen
class Endpoint:
    """One operation, ready to be called over ASGI."""

    operation: Operation
    around: Surroundings
    injected: dict[str, object]

    async def __call__(self, request: Request) -> Response:
        started = time.perf_counter()
        correlation_id = correlation_of(request, self.around.new_id)
        structlog.contextvars.bind_contextvars(correlation_id=correlation_id, operation=self.operation.id)
        try:
            with tracer.start_as_current_span(self.operation.id):
                response = await self._answered(request, correlation_id)
        finally:
            structlog.contextvars.clear_contextvars()
        response.headers[CORRELATION_HEADER] = correlation_id
        self.around.observe(self.operation.id, response.status_code, time.perf_counter() - started)
        return response

    async def _answered(self, request: Request, correlation_id: str) -> Response:
        instance = request.scope["path"]
        try:
            return await self._walk(request, correlation_id)
        except DomainError as refusal:
            response = problem_of(refusal, tag=self.operation.tag, instance=instance, correlation_id=correlation_id)
            if response.status_code >= 500:
                log.warning("request_failed", code=refusal.code, cause=repr(refusal.__cause__))
            return response
        except ClientDisconnect:
            return bare_problem(400, slug="client-gone", detail="", instance=instance, correlation_id=correlation_id)
        except BodyTooSlow:
            detail = "the body did not arrive in time"
            return bare_problem(
                408, slug="request-timeout", detail=detail, instance=instance, correlation_id=correlation_id
            )
        except Exception as fault:
            log.exception("request_faulted")
            internal = DomainError()
            internal.__cause__ = fault
            return problem_of(internal, tag=self.operation.tag, instance=instance, correlation_id=correlation_id)

    async def _walk(self, request: Request, correlation_id: str) -> Response:
        operation = self.operation
        admitted = await operation.admission.admit(request, self.around.credentials)
        actor = self._actor(request, admitted, correlation_id)
        given = arguments(operation, request)
        page = self._page(request, given, actor)
        if operation.gate is None or not operation.gate.needs_body():
            await self._pass_gate(actor, given, None)
        body = await body_of(operation, request)
        if operation.gate is not None and operation.gate.needs_body():
            await self._pass_gate(actor, given, body)
        call = Call(actor=actor, body=body, page=page, standing=admitted.standing)
        result = await operation.handler(call, **given, **self.injected)
        if operation.settles:
            await self.around.projection.caught_up()
        return self._respond(result, given, actor)

    def _actor(self, request: Request, admitted: Admitted, correlation_id: str) -> Actor:
        return Actor(
            principal=admitted.principal,
            correlation_id=correlation_id,
            ip=self._address(request),
            user_agent=_printable(request.headers.get("user-agent", ""))[:MAX_USER_AGENT] or None,
            graph_revision=admitted.graph_revision,
        )

    def _address(self, request: Request) -> str | None:
        """The caller's address; behind a trusted proxy, the one that the proxy saw: the last it appended."""
        if self.around.trust_proxy_headers and (forwarded := request.headers.get("x-forwarded-for")):
            return _printable(forwarded.rpartition(",")[2].strip())[:64]
        return request.client.host if request.client else None

    def _page(self, request: Request, given: Mapping[str, Any], actor: Actor) -> PageRequest:
        paging = self.operation.paging
        if paging is None:
            return PageRequest()
        limit, cursor = limit_of(request), cursor_of(request)
        if cursor is None:
            return PageRequest(limit=limit)
        after = self.around.cursors.read(cursor, of=self._list_name(given), by=self._bound_to(actor))
        return PageRequest(after=after, limit=limit)

    def _list_name(self, given: Mapping[str, Any]) -> str:
        """The name of the list that a cursor belongs to: the operation, and the object that scopes it."""
        paging = self.operation.paging
        scope = given.get(paging.scope, "") if paging and paging.scope else ""
        return f"{self.operation.id}:{scope}"

    def _bound_to(self, actor: Actor) -> Principal | None:
        return actor.principal if self.operation.paging and self.operation.paging.bound else None

    async def _pass_gate(self, actor: Actor, given: dict[str, Any], body: object) -> None:
        if actor.principal.kind is PrincipalKind.NODE:
            if NodeId(actor.principal.id) != given.get("id"):
                raise self.operation.admission.foreign_node()
            return
        gate = self.operation.gate
        if gate is None:
            return
        try:
            await self.around.authorizer.authorize(actor, gate.permission, gate.object(given, body))
        except PermissionDenied as denial:
            if gate.denied is None:
                raise
            raise gate.denied(denial) from denial

    def _respond(self, result: Any, given: Mapping[str, Any], actor: Actor) -> Response:
        if isinstance(result, Response):
            return result
        answer, value = self.operation.returns[0], result
        if isinstance(result, Answered):
            answer, value = result.answer, result.value
        if isinstance(value, Page):
            return Response(encode(self._listed(value, given, actor)), answer.status, media_type=answer.media_type)
        if answer.status == NO_CONTENT.status or answer.type is None:
            return Response(status_code=answer.status)
        headers = {"Location": _location(answer.location, value, given)} if answer.location else {}
        content = value if isinstance(value, bytes) else encode(value)
        return Response(content, answer.status, headers=headers, media_type=answer.media_type)

    def _listed(self, page: Page[Any], given: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
        listed: dict[str, Any] = {"items": list(page.items)}
        if page.next is not None:
            to = self._bound_to(actor)
            listed["next_cursor"] = self.around.cursors.write(page.next, of=self._list_name(given), to=to)
        assert self.operation.paging is not None
        if self.operation.paging.tells_emptiness and page.hidden and not page.items:
            listed["empty_reason"] = "no_rebac_membership"
        return listed


def correlation_of(request: Request, new_id: Callable[[], UUID]) -> str:
    """The inbound correlation id where it is 1..128 printable ASCII characters, else a new one."""
    inbound = request.headers.get(CORRELATION_HEADER, "")
    if 1 <= len(inbound) <= 128 and inbound.isascii() and inbound.isprintable():
        return inbound
    return str(new_id())


def _location(template: str | None, value: Any, given: Mapping[str, Any]) -> str:
    members = {name: getattr(value, name) for name in getattr(value, "__slots__", ()) if hasattr(value, name)}
    return (template or "").format(**{**given, **members})


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
