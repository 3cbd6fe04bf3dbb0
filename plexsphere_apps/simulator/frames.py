"""The event stream's lines (WHATWG, server-sent events), as a Go line scanner reads them.

A line of 65,536 bytes or more ends the stream. Several `data` lines are joined with a newline; a frame without data or
without its blank line is dropped.
"""

from collections.abc import Iterator

from attrs import Factory, define, frozen

LINE_LIMIT = 65_536


class LineTooLong(Exception):
    """The scanner gives up, and the stream with it."""


@frozen
class Frame:
    """One event. `id` is None where the frame has none."""

    id: str | None
    event: str
    data: bytes


@define
class FrameParser:
    """Bytes in, frames out. `comments` counts the comment lines: keep-alives."""

    comments: int = 0
    _pending: bytes = b""
    _id: str | None = None
    _event: str = ""
    _data: list[bytes] = Factory(list)

    def feed(self, chunk: bytes) -> Iterator[Frame]:
        """The frames that `chunk` completes; raises LineTooLong behind those that came before."""
        *lines, self._pending = (self._pending + chunk).split(b"\n")
        for line in lines:
            if len(line) >= LINE_LIMIT:
                raise LineTooLong
            frame = self._line(line.removesuffix(b"\r"))
            if frame is not None:
                yield frame
        if len(self._pending) >= LINE_LIMIT:
            raise LineTooLong

    def _line(self, line: bytes) -> Frame | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"":
                self.comments += 1
            case b"id":
                self._id = value.decode(errors="replace")
            case b"event":
                self._event = value.decode(errors="replace")
            case b"data":
                self._data.append(value)
            case _:
                pass
        return None

    def _dispatch(self) -> Frame | None:
        frame = Frame(self._id, self._event, b"\n".join(self._data)) if self._data else None
        self._id, self._event, self._data = None, "", []
        return frame
