"""The ASGI application: the declared operations as routes, and an answer in our own form for everything else."""

from collections.abc import Iterable, Mapping, Sequence
from typing import get_origin

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from plexsphere_adapters.http.endpoint import CORRELATION_HEADER, Endpoint, Surroundings, correlation_of
from plexsphere_adapters.http.operation import Operation
from plexsphere_adapters.http.problems import bare_problem


class ServiceMissing(LookupError):
    """An operation asks for an application service that the composition root does not provide."""


def application(
    operations: Iterable[Operation], around: Surroundings, *, extra_routes: Sequence[BaseRoute] = ()
) -> Starlette:
    """Raises ServiceMissing at start rather than at the first request."""

    async def refused(request: Request, exception: Exception) -> Response:
        assert isinstance(exception, HTTPException)
        correlation_id = correlation_of(request, around.new_id)
        response = bare_problem(
            exception.status_code,
            slug=str(exception.detail).lower().replace(" ", "-"),
            detail=f"{request.method} is not served here" if exception.status_code == 405 else "there is nothing here",
            instance=request.url.path,
            correlation_id=correlation_id,
        )
        response.headers.update({CORRELATION_HEADER: correlation_id, **(exception.headers or {})})
        return response

    endpoints: dict[str, dict[str, Endpoint]] = {}
    for operation in operations:
        endpoint = Endpoint(operation, around, _injected(operation, around))
        endpoints.setdefault(operation.path, {})[operation.method] = endpoint
    routes = [_route(path, by_method) for path, by_method in endpoints.items()]
    app = Starlette(routes=[*extra_routes, *routes], exception_handlers={HTTPException: refused})
    app.router.redirect_slashes = False  # a path is spelled in one way, and no answer repeats the Host header
    return app


def _route(path: str, by_method: Mapping[str, Endpoint]) -> Route:
    """One route for all operations of a path, so that the answer to another method can name those that are served."""

    async def serve(request: Request) -> Response:
        return await by_method["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, serve, methods=list(by_method))


def _injected(operation: Operation, around: Surroundings) -> dict[str, object]:
    found: dict[str, object] = {}
    for argument, kind in operation.services.items():
        key = get_origin(kind) or kind
        if key not in around.services:
            raise ServiceMissing(f"{operation.id} needs {key!r}")
        found[argument] = around.services[key]
    return found
