"""Health, version, and the API's description of itself: the tag `meta`. None of it needs a credential."""

from datetime import UTC, datetime
from importlib.resources import files
from typing import Annotated, Literal

import orjson
from attrs import frozen
from starlette.responses import Response

from plexsphere_adapters.http.admission import OPEN
from plexsphere_adapters.http.endpoint import Answered
from plexsphere_adapters.http.health import Readiness, Result
from plexsphere_adapters.http.operation import Answer, Call, InPath, Operation, ok, operation
from plexsphere_adapters.http.wire import JsonObject, wire
from plexsphere_adapters.system.build import UNKNOWN, Build
from plexsphere_domain.kernel.errors import NotFound

ASSETS = ("redoc.standalone.js",)
"""What the documentation page loads: nothing comes from another host, so that it works without one."""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>plexsphere API</title>
</head>
<body style="margin:0">
<redoc spec-url="/v1/openapi.json"></redoc>
<script src="/v1/docs/assets/redoc.standalone.js"></script>
</body>
</html>
"""


Severity = Literal["ok", "degraded", "down"]
SEVERITIES: tuple[Severity, ...] = ("ok", "degraded", "down")
VITAL = "db-primary"
"""The probe whose failure leaves nothing working."""


@wire
class HealthCheck:
    """One dependency. `detail` is for people."""

    name: str
    status: str
    detail: str


@wire
class HealthStatus:
    """The worst of all checks."""

    status: Severity
    checks: tuple[HealthCheck, ...]


@wire
class VersionInfo:
    """The build that is running."""

    version: str
    commit: str
    date: datetime


class AssetNotFound(NotFound):
    """No file of this name belongs to the documentation page."""

    code = ""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    @property
    def detail(self) -> str:
        return f"No vendored ReDoc asset named {self.name}"


@frozen
class ApiDescription:
    """The OpenAPI document of the running process, encoded."""

    document: bytes

    @classmethod
    def of(cls, document: dict[str, object]) -> "ApiDescription":
        return cls(orjson.dumps(document))


DOWN = Answer(503, HealthStatus)


@operation("GET", "/v1/health", id="GetHealth", tag="meta", admission=OPEN, returns=(ok(HealthStatus), DOWN))
async def get_health(call: Call[None], readiness: Readiness) -> HealthStatus | Answered:
    """Tell how the dependencies are."""
    status = health_of(await readiness.results())
    return Answered(answer=DOWN, value=status) if status.status == "down" else status


@operation("GET", "/v1/version", id="GetVersion", tag="meta", admission=OPEN, returns=ok(VersionInfo))
async def get_version(call: Call[None], build: Build) -> VersionInfo:
    """Tell which build is running."""
    known = build.date != UNKNOWN
    date = datetime.fromisoformat(build.date) if known else datetime.fromtimestamp(0, UTC)
    return VersionInfo(version=build.version, commit=build.commit, date=date.astimezone(UTC))


@operation("GET", "/v1/openapi.json", id="GetOpenAPI", tag="meta", admission=OPEN, returns=ok(JsonObject))
async def get_openapi(call: Call[None], description: ApiDescription) -> bytes:
    """Describe the API (OpenAPI 3.1)."""
    return description.document


@operation("GET", "/v1/docs", id="GetDocs", tag="meta", admission=OPEN, returns=ok(str, media_type="text/html"))
async def get_docs(call: Call[None]) -> Response:
    """Show the API's documentation."""
    return Response(PAGE, media_type="text/html")


@operation(
    "GET",
    "/v1/docs/assets/{asset}",
    id="GetDocsAsset",
    tag="meta",
    admission=OPEN,
    returns=ok(str, media_type="application/javascript"),
    problems=[AssetNotFound],
)
async def get_docs_asset(call: Call[None], asset: Annotated[str, InPath(lambda: AssetNotFound(""))]) -> Response:
    """Serve a script of the documentation page."""
    if asset not in ASSETS:
        raise AssetNotFound(asset)
    content = files(__package__).joinpath("assets", asset).read_bytes()
    return Response(content, media_type="application/javascript", headers={"Cache-Control": "max-age=86400"})


def health_of(results: list[Result]) -> HealthStatus:
    """Without the database nothing works; without another dependency some things do."""
    checks = tuple(
        HealthCheck(
            name=result.name,
            status=_severity(result),
            detail=result.error or f"answered in {result.seconds * 1000:.0f}ms",
        )
        for result in results
    )
    worst = max((SEVERITIES.index(check.status) for check in checks), default=0)
    return HealthStatus(status=SEVERITIES[worst], checks=checks)


def _severity(result: Result) -> Severity:
    if result.error is None:
        return "ok"
    return "down" if result.name == VITAL else "degraded"


OPERATIONS: tuple[Operation, ...] = (get_health, get_version, get_openapi, get_docs, get_docs_asset)
