"""Flow of requests and their answers, whatever it was read from."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

__all__ = ["Entry", "Flow"]

Pairs = list[tuple[str, str]]


@dataclass(slots=True)
class Entry:
    """One request and what came back.

    Attributes
    ----------
    method, url : str
        As they were sent; a URL of a document may hold placeholders.
    headers : list of (str, str)
        Fields of the request.
    body : str
        What was sent, if that is text.
    form : list of (str, str) or None
        The same as names and values, if it is a form.
    status : int
        Of the answer; 0 if it is not known.
    fields : list of (str, str)
        Fields of the answer.
    kind : str
        Type of the answer's content, such as ``text/html``.
    content : str
        The answer's body, if it is text.
    began_at, ended_at : float
        Seconds since the recording began.
    values : dict of str to object
        Values of the placeholders in `url`.
    """

    method: str
    url: str
    headers: Pairs = field(default_factory=list)
    body: str = ""
    form: Pairs | None = None
    status: int = 0
    fields: Pairs = field(default_factory=list)
    kind: str = ""
    content: str = ""
    began_at: float = 0.0
    ended_at: float = 0.0
    values: dict[str, Any] = field(default_factory=dict)

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
    """Requests in order.

    Attributes
    ----------
    source : str
        What it was read from, for people.
    entries : list of Entry
        The requests.
    notes : list of str
        What was left out, or could not be read.
    """

    source: str
    entries: list[Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def _json(text: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(text)
    except ValueError:
        return None
