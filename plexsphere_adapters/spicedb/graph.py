"""The reading side: many gates, one round trip."""

import asyncio
from collections.abc import Sequence

from attrs import frozen
from authzed.api.v1 import CheckBulkPermissionsRequest

from plexsphere_adapters.coalesce import Coalescer
from plexsphere_adapters.spicedb.channel import Connection
from plexsphere_adapters.spicedb.messages import answer, consistency, item
from plexsphere_adapters.spicedb.wholeness import IS_WHOLE
from plexsphere_domain.authz.errors import AuthzUnavailable
from plexsphere_domain.authz.model import Answer, Question

DEADLINE = 1.0
"""Seconds that a check may take."""

GATES_PER_ROUND_TRIP = 32
"""With at most 201 questions each (a page and the platform rule) they stay under SpiceDB's 10,000 items per call."""

LANES = 2


@frozen
class _Gate:
    """What one caller asks."""

    questions: tuple[Question, ...]
    at_least: str | None


class SpiceDbGraph:
    """RelationGraph. Callers that ask at the same time, at the same revision, share a bulk check."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ask = Coalescer(self._ask_all, limit=GATES_PER_ROUND_TRIP, lanes=LANES)

    async def answers(self, questions: Sequence[Question], *, at_least: str | None) -> Sequence[Answer]:
        return await self._ask(_Gate(tuple(questions), at_least)) if questions else ()

    async def _ask_all(self, gates: list[_Gate]) -> Sequence[Sequence[Answer]]:
        """One bulk check per revision, all at the same time: revisions are opaque, the newest cannot be told."""
        revisions = list(dict.fromkeys(gate.at_least for gate in gates))
        checks = (
            self._check([gate for gate in gates if gate.at_least == revision], revision) for revision in revisions
        )
        answered = dict(zip(revisions, map(iter, await asyncio.gather(*checks)), strict=True))
        return [next(answered[gate.at_least]) for gate in gates]

    async def _check(self, gates: Sequence[_Gate], revision: str | None) -> Sequence[Sequence[Answer]]:
        request = CheckBulkPermissionsRequest(
            consistency=consistency(revision),
            items=[IS_WHOLE, *(item(question) for gate in gates for question in gate.questions)],
        )
        response = await self._connection.call(
            self._connection.permissions.CheckBulkPermissions, request, timeout=DEADLINE
        )
        answers = map(answer, response.pairs)
        if not next(answers).yes:
            raise AuthzUnavailable
        return [[next(answers) for _ in gate.questions] for gate in gates]
