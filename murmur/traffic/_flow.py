"""Flow of requests and their answers, whatever it was read from."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Pairs = list[tuple[str, str]]


@dataclass(slots=True)
class Entry:
    """One request and what came back."""

    method: str  # method, url: as they were sent; a URL of a document may hold placeholders
    url: str
    headers: Pairs = field(default_factory=list)  # fields of the request
    body: str = ""  # what was sent, if that is text
    form: Pairs | None = None  # the same as names and values, if it is a form
    status: int = 0  # of the answer; 0 if it is not known
    fields: Pairs = field(default_factory=list)  # fields of the answer
    kind: str = ""  # type of the answer's content, such as `text/html`
    content: str = ""  # the answer's body, if it is text
    began_at: float = 0.0  # began_at, ended_at: seconds since the recording began
    ended_at: float = 0.0
    values: dict[str, Any] = field(default_factory=dict)  # values of the placeholders in `url`

    @property
    def origin(self) -> str:
        """The beginning of the URL, up to the path."""
        split = urlsplit(self.url)
        return f"{split.scheme}://{split.netloc.rpartition('@')[2]}"

    @property
    def host(self) -> str:
        """Host and port."""
        return urlsplit(self.url).netloc.rpartition("@")[2].lower()

    @property
    def path(self) -> str:
        """The path, as it stands in the URL."""
        return urlsplit(self.url).path or "/"

    @property
    def query(self) -> Pairs:
        """Names and values of the query."""
        return parse_qsl(urlsplit(self.url).query, keep_blank_values=True)

    def header(self, name: str) -> str:
        """Return a field of the request; empty without."""
        return next((value for known, value in self.headers if known.lower() == name), "")

    @property
    def sent_json(self) -> Any:  # noqa: ANN401 - any JSON
        """The body as JSON, or None if it is none."""
        return _json(self.body) if "json" in self.header("content-type") else None

    @property
    def answer_json(self) -> Any:  # noqa: ANN401 - any JSON
        """The answer's body as JSON, or None if it is none."""
        return _json(self.content) if "json" in self.kind else None


@dataclass(slots=True)
class Flow:
    """Requests in order."""

    source: str  # what it was read from, for people
    entries: list[Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what was left out, or could not be read


def _json(text: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(text)
    except ValueError:
        return None
