"""Keeping to the desired state: pulls on a cadence and on triggers, one at a time."""

import asyncio
from collections.abc import Callable
from typing import Any

from plexsphere_apps.simulator import snapshot
from plexsphere_apps.simulator.calls import STATE, Calls
from plexsphere_apps.simulator.http import NetworkFailure
from plexsphere_apps.simulator.standing import Standing


class Reconciler:
    """Triggers that arrive during a pull are one more pull after it."""

    def __init__(self, calls: Calls, standing: Standing, changed: Callable[[], None]) -> None:
        self._calls = calls
        self._standing = standing
        self._changed = changed
        self._due = asyncio.Event()
        self._announced: set[str] = set()

    def trigger(self) -> None:
        self._due.set()

    def announced(self, peer: str) -> None:
        """An event said that this peer exists: a pull that begins from now on has to hold it."""
        if peer != str(self._standing.node_id):
            self._announced.add(peer)

    def withdrawn(self, peer: str) -> None:
        self._announced.discard(peer)

    async def run(self) -> None:
        while True:
            self._due.clear()
            await self.pull()
            try:
                async with asyncio.timeout(self._calls.timing.reconcile):
                    await self._due.wait()
            except TimeoutError:
                pass

    async def pull(self) -> dict[str, Any] | None:
        """One cycle. Every failure skips it; nothing local is torn down."""
        expected, self._announced = self._announced, set()
        document = await self._fetch()
        if document is None:
            self._announced |= expected
            return None
        for rule in snapshot.broken_rules(document, own=str(self._standing.node_id)):
            self._calls.violation(STATE, rule)
        self._take(document)
        self._compare(expected, document)
        return document

    async def _fetch(self) -> dict[str, Any] | None:
        try:
            answer = await self._calls.send(STATE, f"/v1/nodes/{self._standing.node_id}/state")
        except NetworkFailure:
            self._calls.observations.count("pull network failure")
            return None
        if answer.ok:
            return self._calls.json(STATE, answer)
        if answer.status in (401, 403, 404):
            self._calls.violation(STATE, "a Node may pull its own state", str(answer.status))
        return None

    def _take(self, document: dict[str, Any]) -> None:
        reachability, peers = document.get("reachability"), document.get("peers")
        if isinstance(reachability, dict):
            self._standing.reachability = str(reachability.get("state"))
        self._standing.peers = len(peers) if isinstance(peers, list) else 0
        self._standing.pulls += 1
        self._changed()

    def _compare(self, expected: set[str], document: dict[str, Any]) -> None:
        if not expected:
            return
        held = {peer.get("node_id") for peer in document.get("peers") or () if isinstance(peer, dict)}
        for missing in expected - held:
            self._calls.violation(STATE, "what an event announced is in the pull behind it", missing)
