"""A recording, written down as a scenario, against a replay of itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import murmur
from murmur._cli import main

from .conftest import BASE

CHANGING = ("a81bc81bdead4e5d", "eyJhbGciOi.abc.def", "4711", "18", "o-99f3")
"""What the server makes up anew for every visitor."""


class Replay(ThreadingHTTPServer):
    """Answers as it was recorded, with other values for every visitor."""

    daemon_threads = True

    def __init__(self, har: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.entries = json.loads(har.read_text())["log"]["entries"]
        self.visitors = count(1)
        self.refused: list[str] = []

    def answer(self, method: str, path: str, visitor: str) -> dict[str, Any] | None:
        for entry in self.entries:
            request = entry["request"]
            if request["url"].startswith(BASE) and request["method"] == method:
                recorded = urlsplit(request["url"])
                if urlsplit(path).path == replaced(recorded.path, visitor):
                    return entry
        return None


def replaced(text: str, visitor: str) -> str:
    """Return a text with this visitor's values."""
    for number, value in enumerate(CHANGING):
        text = text.replace(
            value, f"{visitor}{number}777" if value.isdigit() else f"v{visitor}{number}zz77"
        )
    return text


class Handler(BaseHTTPRequestHandler):
    server: Replay
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        cookies = dict(
            part.split("=", 1) for part in self.headers.get("Cookie", "").split("; ") if part
        )
        is_new = "visitor" not in cookies
        visitor = str(next(self.server.visitors)) if is_new else cookies["visitor"]
        entry = self.server.answer(self.command, self.path, visitor)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if entry is None or not self._is_right(entry, body, visitor):
            self.server.refused.append(f"{self.command} {self.path} {body}")
            self._say(400, b"")
            return
        response = entry["response"]
        fields = [(each["name"], each["value"]) for each in response["headers"]]
        if is_new:
            fields.append(("Set-Cookie", f"visitor={visitor}; Path=/"))
        fields.append(("Content-Type", response["content"]["mimeType"]))
        text = replaced(response["content"]["text"], visitor)
        self._say(response["status"], text.encode(), fields)

    do_POST = do_GET  # noqa: N815 - the name that the standard library calls

    def _is_right(self, entry: dict[str, Any], body: str, visitor: str) -> bool:
        """Whether the request carries this visitor's values, and the secret that was set."""
        sent = {each["name"]: each["value"] for each in entry["request"]["headers"]}
        if replaced(sent.get("Authorization", ""), visitor) != self.headers.get(
            "Authorization", ""
        ):
            return False
        recorded = replaced(entry["request"].get("postData", {}).get("text", ""), visitor)
        if recorded.startswith("{"):
            return bool(json.loads(recorded) == json.loads(body))
        return recorded.replace("hush", "given") == body

    def _say(self, status: int, body: bytes, fields: list[tuple[str, str]] | None = None) -> None:
        self.send_response(status)
        for name, value in fields or []:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def replay(shop: Path) -> Iterator[Replay]:
    with Replay(shop) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        yield server
        server.shutdown()
        thread.join(60)


@pytest.mark.parametrize("static", ["leave", "group"])
def test_a_recording_runs_against_its_replay_without_a_failure(
    shop: Path, replay: Replay, tmp_path: Path, static: str
) -> None:
    out = tmp_path / "shop.py"

    assert main(["import", str(shop), "-o", str(out), "--static", static]) == 0
    namespace: dict[str, Any] = {"__name__": "shop"}
    exec(compile(out.read_text(), out, "exec"), namespace)
    with murmur.Session() as session:
        run = session.do(
            namespace["BookShop"], 3, user_rate=6000, end_when_idle=True, think=0.01,
            base_url=f"http://127.0.0.1:{replay.server_port}", password="given",
        )  # fmt: skip
        run.wait(60)
        users, actions = run.results.users, run.results.actions

    assert replay.refused == []
    assert list(users["outcome"]) == ["finished"] * 3
    assert actions["error"].isna().all()
    assert len(actions) == 3 * (7 if static == "leave" else 9)
    assert "POST /api/users/{user_id}/orders" in set(actions["name"])


def test_a_file_that_exists_stays(shop: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "shop.py"
    out.write_text("mine")

    assert main(["import", str(shop), "-o", str(out)]) == 2
    assert out.read_text() == "mine"
    assert "file exists" in capsys.readouterr().err
