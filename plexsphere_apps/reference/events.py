"""docs/reference/events.md: the facts of the outbox, and the events that Nodes hear."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib import import_module
from inspect import cleandoc, getmembers, isclass
from pkgutil import walk_packages
from typing import Final
from uuid import UUID

import attrs

import plexsphere_domain
from plexsphere_domain.authz.projection import REMOVALS, TOUCHES
from plexsphere_domain.kernel.events import DomainEvent
from plexsphere_domain.kernel.ids import DomainId, EventId
from plexsphere_domain.mesh.bus.announcements import ANNOUNCED, Announcement, Fact, ToNode, announce

_HEAD: Final = """\
# Events

Whatever becomes true is written down as a fact, in the transaction that makes it so: a row of the outbox. Everything
else follows from facts: what Nodes are told, and what the relation graph knows.

This page is generated: `python3 noxfile.py generate`.

## What Nodes hear

The events of `GET /v1/nodes/{id}/events`. The data of each is a signed envelope; `payload` is its last member but one.
An event only says that something happened. What follows from it is in the Node's state.

| Event | Sent to | Members of the payload | Follows from |
|---|---|---|---|
"""

_FACTS: Final = """
## Facts

Every fact has the id of its Domain as `domain_id`, null for facts about the platform itself. Ids are UUIDs, times RFC
3339; `created_by` and `operator` are principals, `{"kind", "id"}`. “Relations” says whether the fact adds tuples to the
relation graph, or removes those about its object. A consumer has to expect a fact more than once.

| Fact | Members | Meaning | Announced as | Relations |
|---|---|---|---|---|
"""

_SOMETHING: Final = str(UUID("0190a3c5-9d1e-7b53-8f0e-2c1d8e6a7b44"))


def page() -> str:
    """The page in Markdown."""
    return _HEAD + "".join(_announced()) + _FACTS + "".join(map(_fact, facts()))


def facts() -> Sequence[type[DomainEvent]]:
    """Every domain event there is, by its name."""
    found: dict[str, type[DomainEvent]] = {}
    for module in walk_packages(plexsphere_domain.__path__, "plexsphere_domain."):
        if module.name.endswith(".events"):
            found.update(getmembers(import_module(module.name), _is_fact))
    return [fact for _, fact in sorted(found.items())]


def _is_fact(member: object) -> bool:
    return isclass(member) and issubclass(member, DomainEvent) and member is not DomainEvent


def _announced() -> Iterator[str]:
    by_event: dict[tuple[str, str, str], list[str]] = {}
    for fact in facts():
        announcement = announcement_of(fact)
        if announcement is None:
            continue
        audience = "one Node" if isinstance(announcement.audience, ToNode) else "all Nodes of the Domain"
        assert isinstance(announcement.payload, dict)
        row = (announcement.type, audience, _quoted(announcement.payload))
        by_event.setdefault(row, []).append(fact.__name__)
    for (event, audience, payload), origins in sorted(by_event.items()):
        yield f"| `{event}` | {audience} | {payload} | {_quoted(origins)} |\n"


def _fact(fact: type[DomainEvent]) -> str:
    announcement = announcement_of(fact)
    cells = (
        f"`{fact.__name__}`",
        _quoted(_members(fact)) or "—",
        " ".join(cleandoc(fact.__doc__ or "").split()),
        f"`{announcement.type}`" if announcement else "—",
        _relations(fact.__name__),
    )
    return f"| {' | '.join(cells)} |\n"


def announcement_of(fact: type[DomainEvent]) -> Announcement | None:
    """What is announced where such a fact is on the outbox."""
    if fact.__name__ not in ANNOUNCED:
        return None
    return announce(
        Fact(
            id=EventId(UUID(_SOMETHING)),
            type=fact.__name__,
            domain_id=DomainId(UUID(_SOMETHING)),
            payload=dict.fromkeys(_members(fact), _SOMETHING),
            occurred_at=datetime.now(UTC),
        )
    )


def _relations(fact: str) -> str:
    if fact in TOUCHES:
        return "added"
    return "removed" if fact in REMOVALS else "—"


def _members(fact: type[DomainEvent]) -> Sequence[str]:
    return [member.name for member in attrs.fields(fact) if member.name != "domain_id"]


def _quoted(names: Sequence[str] | dict[str, object]) -> str:
    return ", ".join(f"`{name}`" for name in names)
