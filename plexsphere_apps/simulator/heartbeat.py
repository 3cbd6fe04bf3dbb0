"""Signs of life."""

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from plexsphere_apps.simulator import forms, problem
from plexsphere_apps.simulator.calls import HEARTBEAT, Calls
from plexsphere_apps.simulator.http import NetworkFailure
from plexsphere_apps.simulator.standing import Standing

BINARY_VERSION: Final = "plexd-sim"
BINARY_CHECKSUM: Final = base64.b64encode(hashlib.sha256(BINARY_VERSION.encode()).digest()).decode()


class Heartbeats:
    """At once, and then on the cadence; a failure waits for the next tick."""

    def __init__(
        self, calls: Calls, standing: Standing, reconcile: Callable[[], None], changed: Callable[[], None]
    ) -> None:
        self._calls = calls
        self._standing = standing
        self._changed = changed
        self._reconcile = reconcile

    async def run(self) -> None:
        now = asyncio.get_running_loop().time
        due = now()
        while True:
            await self.beat()
            due = max(due + self._calls.timing.heartbeat, now())
            await asyncio.sleep(due - now())

    async def beat(self) -> None:
        try:
            answer = await self._calls.send(HEARTBEAT, f"/v1/nodes/{self._standing.node_id}/heartbeat", _body())
        except NetworkFailure:
            self._calls.observations.count("heartbeat network failure")
            return
        if answer.ok:
            document = self._calls.json(HEARTBEAT, answer)
            if document is not None:
                self._accepted(document)
        elif answer.status < 500 and answer.status != 429:
            self._calls.violation(
                HEARTBEAT, "a Node's own heartbeat is accepted", f"{answer.status} {problem.read(answer).code}"
            )

    def _accepted(self, document: dict[str, Any]) -> None:
        if not forms.is_instant(document.get("accepted_at")):
            self._calls.violation(HEARTBEAT, "`accepted_at` is an instant in UTC")
        for name in ("reconcile", "rotate_keys"):
            if not isinstance(document.get(name), bool):
                self._calls.violation(HEARTBEAT, f"`{name}` is true or false")
        self._standing.heartbeats += 1
        self._standing.rotation_asked = document.get("rotate_keys") is True
        self._changed()
        if document.get("reconcile") is True:
            self._reconcile()


def _body() -> dict[str, Any]:
    return {
        "client_now": _client_now(),
        "binary_checksum": BINARY_CHECKSUM,
        "binary_version": BINARY_VERSION,
        "nat_summary": {},
    }


def _client_now() -> str:
    """RFC 3339 in UTC with nanoseconds."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"
