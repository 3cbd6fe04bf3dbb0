"""Whether events went missing, by comparing what the agents of one Domain were sent.

An event for a whole Domain has one place in the stream, and every agent that streams over that place has to receive it.
So it is enough to know, for each unbroken run of an agent's stream, its first and last such place and how many there
were in between: the union over all agents says how many there had to be.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator

from attrs import Factory, define, frozen


@frozen
class Run:
    """What one agent received of one scope over one unbroken run of its cursor."""

    agent: str
    scope: str
    first: int
    last: int
    received: int


@define
class Deliveries:
    _places: dict[str, list[int]] = Factory(dict)
    _ids: dict[str, int] = Factory(dict)
    _runs: list[Run] = Factory(list)

    def note(self, scope: str, place: int, event_id: str) -> bool:
        """Notes an event for a whole Domain; False where the same event stands at another place as well."""
        known = self._ids.setdefault(event_id, place)
        places = self._places.setdefault(scope, [])
        if not places or places[-1] < place:
            places.append(place)
        elif places[bisect_left(places, place)] != place:
            insort(places, place)
        return known == place

    def close(self, run: Run) -> None:
        self._runs.append(run)

    def gaps(self) -> Iterator[tuple[Run, int]]:
        """Each run in which events are missing, with their number."""
        for run in self._runs:
            places = self._places.get(run.scope, [])
            sent = bisect_right(places, run.last) - bisect_left(places, run.first)
            if sent != run.received:
                yield run, sent - run.received

    def newest(self, scope: str) -> int | None:
        """The last place that any agent of the scope has seen."""
        places = self._places.get(scope)
        return places[-1] if places else None
