"""Keyset paging. A page is a window of the store; what the reader may not see is dropped from it afterwards."""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from attrs import evolve, frozen

T = TypeVar("T")
U = TypeVar("U")

Key = tuple[str, ...]
"""The sort key of a row, as text: what a cursor carries."""

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


@frozen(kw_only=True)
class PageRequest:
    """`limit` rows (1..200) behind `after`, exclusive; from the start where `after` is None."""

    after: Key | None = None
    limit: int = DEFAULT_LIMIT


@frozen(kw_only=True)
class Page(Generic[T]):
    """`next` is the key of the last row of the window, None at the end of the stream; `hidden` counts dropped rows."""

    items: tuple[T, ...]
    next: Key | None = None
    hidden: int = 0

    @classmethod
    def cut(cls, rows: Iterable[T], request: PageRequest, key: Callable[[T], Key]) -> "Page[T]":
        """The page out of up to `limit + 1` rows, the last of which only shows that there is more."""
        window = tuple(rows)
        items = window[: request.limit]
        return cls(items=items, next=key(items[-1]) if len(window) > request.limit else None)

    def keep(self, visible: Callable[[T], bool]) -> "Page[T]":
        """The same window without the rows that are not visible."""
        items = tuple(item for item in self.items if visible(item))
        return evolve(self, items=items, hidden=self.hidden + len(self.items) - len(items))

    def map(self, show: Callable[[T], U]) -> "Page[U]":
        """The same window of other things, made out of each row."""
        return Page(items=tuple(show(item) for item in self.items), next=self.next, hidden=self.hidden)
