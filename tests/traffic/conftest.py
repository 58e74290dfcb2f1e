"""A recording of a small shop, as a browser writes it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

BASE = "http://127.0.0.1:8123"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
BEARER = ("Authorization", "Bearer eyJhbGciOi.abc.def")


class Recording:
    """Entries of a HAR file, one after the other."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self._at = datetime(2026, 11, 29, 12, tzinfo=UTC)

    def add(
        self,
        method: str,
        url: str,
        status: int = 200,
        *,
        kind: str = "text/html",
        text: str = "",
        sent: tuple[tuple[str, str], ...] = (),
        fields: tuple[tuple[str, str], ...] = (),
        post: tuple[str, str] | None = None,
        pause: float = 0.0,
    ) -> None:
        self._at += timedelta(seconds=pause)
        usual = (("User-Agent", "Mozilla/5.0"), ("Sec-Fetch-Mode", "cors"))
        request: dict[str, Any] = {"method": method, "url": url, "headers": _named(*usual, *sent)}
        if post is not None:
            request["headers"] += _named(("Content-Type", post[0]))
            request["postData"] = {"mimeType": post[0], "text": post[1]}
        self.entries.append(
            {
                "startedDateTime": self._at.isoformat().replace("+00:00", "Z"),
                "time": 50,
                "request": request,
                "response": {
                    "status": status,
                    "headers": _named(*fields),
                    "content": {"mimeType": kind, "text": text},
                },
            }
        )
        self._at += timedelta(seconds=0.05)

    def write(self, path: Path) -> Path:
        path.write_text(json.dumps({"log": {"version": "1.2", "entries": self.entries}}))
        return path


def _named(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


@pytest.fixture
def recording() -> Recording:
    return Recording()


@pytest.fixture
def shop(recording: Recording, tmp_path: Path) -> Path:
    """Return the recording of a visit: log in, look at a book, order it."""
    add = recording.add
    page = '<form><input type="hidden" name="csrf" value="a81bc81bdead4e5d"></form>'
    add("GET", f"{BASE}/", text=page, fields=(("Set-Cookie", "sid=first123; Path=/"),))
    add("GET", f"{BASE}/app.css?v=3", kind="text/css", text="a{}")
    add("GET", f"{BASE}/logo.svg", kind="image/svg+xml", text="<svg/>")
    add("GET", "https://www.visitors.test/collect?x=1", kind="image/gif")
    add(
        "POST", f"{BASE}/login", 302, pause=3.2,
        post=(FORM, "user=ann&password=hush&csrf=a81bc81bdead4e5d"),
        fields=(("Location", "/home"), ("Set-Cookie", "session=abc; Path=/")),
    )  # fmt: skip
    add("GET", f"{BASE}/home", text="<h1>Hello</h1>", sent=(("Cookie", "session=abc"),))
    token = json.dumps({"access_token": "eyJhbGciOi.abc.def", "user": {"id": 4711}})
    add("POST", f"{BASE}/api/token", kind=JSON, text=token, post=(JSON, '{"grant": "cookie"}'))
    books = json.dumps({"items": [{"id": 17, "name": "Moby"}, {"id": 18, "name": "Emma"}]})
    add("GET", f"{BASE}/api/items?category=books&page=1", kind=JSON, text=books, sent=(BEARER,))
    add("GET", f"{BASE}/api/items/18", kind=JSON, text='{"id": 18}', sent=(BEARER,), pause=2)
    order = json.dumps({"item": 18, "count": 1, "gift": False, "note": 'it\'s "new"'})
    add(
        "POST", f"{BASE}/api/users/4711/orders", 201, kind=JSON, sent=(BEARER,),
        text='{"order": {"id": "o-99f3"}}', post=(JSON, order),
    )  # fmt: skip
    add("GET", f"{BASE}/api/orders/o-99f3/bill", 404, kind=JSON, text="{}", sent=(BEARER,))
    return recording.write(tmp_path / "book-shop.har")
