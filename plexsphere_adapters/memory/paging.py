"""Keyset paging over values in memory."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from plexsphere_domain.kernel.paging import Key, Page, PageRequest

T = TypeVar("T")


def page_of(rows: Iterable[T], request: PageRequest, key: Callable[[T], Key]) -> Page[T]:
    """The window of the rows, by key ascending. Keys compare as text: spell them so that this is their order."""
    behind = (row for row in sorted(rows, key=key) if request.after is None or key(row) > request.after)
    window = [row for _, row in zip(range(request.limit + 1), behind, strict=False)]
    return Page.cut(window, request, key)
