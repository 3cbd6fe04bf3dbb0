"""The ASGI application: the declared operations as routes, and an answer in our own form for everything else."""

from collections.abc import Iterable, Mapping, Sequence
from typing import get_origin

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from plexsphere_adapters.http.admission import Scheme
from plexsphere_adapters.http.endpoint import CORRELATION_HEADER, Endpoint, Surroundings, correlation_of
from plexsphere_adapters.http.operation import Operation
from plexsphere_adapters.http.problems import bare_problem


class ServiceMissing(LookupError):
    """An operation asks for an application service that the composition root does not provide."""


def application(
    operations: Iterable[Operation], around: Surroundings, *, extra_routes: Sequence[BaseRoute] = ()
) -> ASGIApp:
    """Raises ServiceMissing at start rather than at the first request.

    Paths that Nodes call come first: routes are tried one after another, and a fleet calls far more than operators do.
    """
    paths: dict[str, dict[str, Endpoint]] = {}
    for operation in sorted(operations, key=_called_by_operators):
        endpoint = Endpoint(operation, around, _injected(operation, around))
        paths.setdefault(operation.path, {})[operation.method] = endpoint
    routes = [Route(path, Path(by_method, around), name=path) for path, by_method in paths.items()]
    nothing = Path({}, around)
    # A path is spelled in one way: a redirect to another spelling would repeat the Host header.
    return Router([*routes, *extra_routes], default=nothing, redirect_slashes=False)


@frozen
class Path:
    """Whatever is asked of one path: the operations that it has by method, or a refusal in our own form."""

    by_method: Mapping[str, Endpoint]
    around: Surroundings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await WebSocketClose()(scope, receive, send)
            return
        request = Request(scope, receive)
        endpoint = self.by_method.get("GET" if request.method == "HEAD" else request.method)
        response = await endpoint(request) if endpoint else self._refusal(request)
        await response(scope, receive, send)

    def _refusal(self, request: Request) -> Response:
        status, slug, detail = 404, "not-found", "there is nothing here"
        if self.by_method:
            status, slug, detail = 405, "method-not-allowed", f"{request.method[:32]} is not served here"
        correlation_id = correlation_of(request, self.around.new_id)
        response = bare_problem(
            status, slug=slug, detail=detail, instance=request.url.path, correlation_id=correlation_id
        )
        response.headers[CORRELATION_HEADER] = correlation_id
        if self.by_method:
            head = {"HEAD"} if "GET" in self.by_method else set()
            response.headers["Allow"] = ", ".join(sorted(self.by_method.keys() | head))
        return response


def _called_by_operators(operation: Operation) -> bool:
    return Scheme.NSK_BEARER not in operation.admission.schemes


def _injected(operation: Operation, around: Surroundings) -> dict[str, object]:
    found: dict[str, object] = {}
    for argument, kind in operation.services.items():
        key = get_origin(kind) or kind
        if key not in around.services:
            raise ServiceMissing(f"{operation.id} needs {key!r}")
        found[argument] = around.services[key]
    return found
