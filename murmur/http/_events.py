"""Server-sent events, as the HTML standard of the WHATWG reads a stream of them (9.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from murmur.errors import HttpProtocolError

from ._lines import LINE_LIMIT, LineReader

BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event that a server sent.

    Attributes
    ----------
    data : str
        What it says; several lines are joined by a line feed.
    event : str
        Its type; ``message`` if it does not say.
    id : str
        The last id that the stream gave; empty without.
    retry : int or None
        Milliseconds to wait before connecting again, if the stream has said so.
    """

    data: str
    event: str = "message"
    id: str = ""
    retry: int | None = None

    def __str__(self) -> str:
        """Return the data."""
        return self.data

    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the data, read as JSON.

        Raises
        ------
        HttpProtocolError
            If it is none.
        """
        import json

        try:
            return json.loads(self.data)
        except (ValueError, RecursionError) as error:
            raise HttpProtocolError("the data of an event is not JSON") from error


class EventReader:
    r"""Puts lines together to events.

    Examples
    --------
    >>> reader = EventReader()
    >>> list(reader.feed(b": hello\ndata: on")), [str(each) for each in reader.feed(b"e\n\n")]
    ([], ['one'])
    """

    __slots__ = ("_data", "_id", "_is_first", "_kind", "_lines", "_retry", "_size")

    def __init__(self) -> None:
        self._lines = LineReader()
        self._data: list[str] = []
        self._size = 0
        self._kind = ""
        self._id = ""
        self._retry: int | None = None
        self._is_first = True

    def feed(self, data: bytes) -> Iterator[ServerEvent]:
        """Yield each event that `data` completes; one that the stream cuts short is none.

        Raises `HttpProtocolError` if one is too long.
        """
        for line in self._lines.feed(data):
            text = line
            if self._is_first:
                self._is_first = False
                text = line.removeprefix(BOM)
            if text:
                self._take(text)
            elif self._data:
                yield self._event()
            else:
                self._kind = ""

    def _take(self, line: str) -> None:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._size += len(value) + 1
            if self._size > LINE_LIMIT:
                raise HttpProtocolError(f"an event is longer than {LINE_LIMIT} characters")
            self._data.append(value)
        elif field == "event":
            self._kind = value
        elif field == "id":
            if "\0" not in value:
                self._id = value
        elif field == "retry" and value.isascii() and value.isdigit() and len(value) < 16:
            self._retry = int(value)

    def _event(self) -> ServerEvent:
        event = ServerEvent("\n".join(self._data), self._kind or "message", self._id, self._retry)
        self._data.clear()
        self._size = 0
        self._kind = ""
        return event
