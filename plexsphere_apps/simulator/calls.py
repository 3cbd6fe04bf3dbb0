"""The calls of an agent: sent, timed, and their answers held against the contract."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from attrs import field, frozen

from plexsphere_apps.simulator import problem
from plexsphere_apps.simulator.http import NO_HEADERS, Answer, Origin, Request
from plexsphere_apps.simulator.observations import Observations
from plexsphere_apps.simulator.timing import Timing

TRANSIENT: Final = frozenset({429, 500, 502, 503, 504})
"""Statuses that any call may meet on the way."""


@frozen
class Operation:
    """A call by the name under which it is measured, and the statuses that the contract declares for it."""

    name: str
    method: str
    success: int
    declared: frozenset[int]


REGISTER: Final = Operation("register", "POST", 201, frozenset({400, 403, 404, 422}))
STATE: Final = Operation("pull", "GET", 200, frozenset({401, 403, 404, 501}))
HEARTBEAT: Final = Operation("heartbeat", "POST", 200, frozenset({400, 401, 403, 501}))
EVENTS: Final = Operation("events", "GET", 200, frozenset({400, 401, 403, 404, 410, 501}))


@frozen(kw_only=True)
class Calls:
    """Calls on behalf of one agent, called `name`; `bearer` is empty until it is registered."""

    origin: Origin
    observations: Observations
    timing: Timing
    name: str
    bearer: str = field(default="", repr=False)

    async def send(self, operation: Operation, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """The answer, whatever its status; raises NetworkFailure."""
        request = self.request(operation, path, body)
        with self.observations.timed(operation.name):
            answer = await self.origin.send(request, timeout=self.timing.request)
        self.check(operation, answer)
        return answer

    def request(
        self,
        operation: Operation,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Request:
        own = dict(headers)
        if self.bearer:
            own["Authorization"] = f"Bearer {self.bearer}"
        if body is None:
            return Request(operation.method, path, own)
        own["Content-Type"] = "application/json"
        return Request(operation.method, path, own, orjson.dumps(body))

    def check(self, operation: Operation, answer: Answer) -> None:
        """Notes what is wrong with the answer's outside: its status, and an error's document."""
        self.observations.count(f"{operation.name} {answer.status}")
        if answer.ok:
            if answer.status != operation.success:
                self.violation(operation, f"success is {operation.success}", str(answer.status))
            return
        if answer.status not in operation.declared | TRANSIENT:
            self.violation(operation, "statuses are those of the contract", str(answer.status))
        for rule in problem.broken_rules(answer):
            self.violation(operation, rule, f"{answer.status} {answer.body[:200]!r}")

    def json(self, operation: Operation, answer: Answer) -> dict[str, Any] | None:
        """The object in a successful answer; None, and a violation, where there is none."""
        if answer.media_type != "application/json":
            self.violation(operation, "success is application/json", answer.media_type)
        try:
            document = orjson.loads(answer.body)
        except orjson.JSONDecodeError as broken:
            self.violation(operation, "success is JSON", str(broken))
            return None
        if not isinstance(document, dict):
            self.violation(operation, "success is a JSON object", type(document).__name__)
            return None
        return document

    def violation(self, operation: Operation, rule: str, detail: str = "") -> None:
        self.observations.violation(operation.name, rule, detail, self.name)
