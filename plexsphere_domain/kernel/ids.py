"""Identifiers. Every aggregate is named by a UUID version 7 (RFC 9562, section 5.7); the types keep them apart."""

from collections.abc import Callable
from typing import NewType
from uuid import UUID

DomainId = NewType("DomainId", UUID)
ProjectId = NewType("ProjectId", UUID)
ResourceId = NewType("ResourceId", UUID)
NodeId = NewType("NodeId", UUID)
BootstrapTokenId = NewType("BootstrapTokenId", UUID)
ApiTokenId = NewType("ApiTokenId", UUID)
EventId = NewType("EventId", UUID)

NewId = Callable[[], UUID]
"""The port that makes new ids, ascending within one process."""


def parse_id(text: str) -> UUID:
    """The id spelled by `text` in the canonical 8-4-4-4-12 form.

    Raises ValueError for any other spelling and for the nil UUID, which names nothing.
    """
    parsed = UUID(text)
    if parsed.int == 0 or str(parsed) != text.lower():
        raise ValueError("not a non-zero UUID in canonical form")
    return parsed
