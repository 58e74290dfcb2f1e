"""Pages about clients show what happens when their code runs against real servers."""

from __future__ import annotations

import http.server
import math
import re
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import murmur
from murmur.http import Options
from murmur.testing import HttpStub, rehearse

PAGES = Path(__file__).parents[2] / "docs" / "how-to"


def executed(page: str) -> dict[str, Any]:
    """Return what the blocks of a page define, one after another."""
    names: dict[str, Any] = {"__name__": "page"}
    text = (PAGES / page).read_text(encoding="utf-8")
    for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        exec(compile(block, page, "exec"), names)
    return names


class _Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(line)


@pytest.fixture
def port() -> Iterator[int]:
    """Return the port of a server that answers each line with the same line."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_the_page_on_language_models_measures_what_the_server_was_told() -> None:
    names = executed("measure-a-language-model.md")

    p50 = names["spans"]["p50"]
    assert p50["answer.first_event"] >= 0.099
    assert p50["answer.event_gap"] >= 0.019
    assert p50["answer.first_event"] > 2 * p50["answer.event_gap"]
    # Whole answers of 20 tokens, and of those that were cut off at the end none is counted.
    answers = names["results"].windows.query("name == 'answer'")["count"].sum()
    assert names["tokens"] == pytest.approx(20 * answers, abs=20)
    failed, first, gap = names["checks"]
    assert (str(failed.check), failed.holds) == ("failed(answer) < 1%", True)
    assert (first.value, gap.value) >= (0.099, 0.019)


@pytest.mark.parametrize("scenario", ["Lines", "BlockingLines", "Patient", "Tidy"])
def test_users_of_any_client_are_timed_and_leave_in_order(scenario: str, port: int) -> None:
    users = executed("use-any-client-library.md")[scenario]
    with murmur.Session() as session:
        run = session.do(users, 5, port=port, user_rate=float("inf"), duration=0.5)
        run.wait(timeout=60)

        assert run.results.summary().users == {"left": 5}
        assert run.results.windows["count"].sum() == 5
        assert run.results.windows["failed"].sum() == 0


class _Shop(http.server.BaseHTTPRequestHandler):
    """Answers every request; each third order is sold out."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[Counter[str]] = Counter()
    counting: ClassVar[threading.Lock] = threading.Lock()  # each connection has a thread

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.do_GET()

    def do_GET(self) -> None:
        with self.counting:
            self.asked[self.path] += 1
            is_sold_out = self.path == "/order" and self.asked[self.path] % 3 == 0
        body = b"sold out" if is_sold_out else b"here it is"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def test_a_locustfile_of_two_classes_does_what_it_did() -> None:
    shop = executed("port-from-locust.md")["Shop"]
    _Shop.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Shop) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with murmur.Session() as session:
            settings = {"host": f"http://127.0.0.1:{server.server_port}", "pace": 0.02}
            run = session.do(shop, 40, seed=1, user_rate=float("inf"), **settings)
            deadline = time.monotonic() + 60
            # Whoever is asked to leave before it came to its login does neither.
            while run.results.actions["user_id"].nunique() < 40 or _Shop.asked["/order"] < 200:
                assert time.monotonic() < deadline, _Shop.asked
                time.sleep(0.1)
            session.stop()
            run.wait(timeout=60)
        server.shutdown()
        thread.join()

    users, asked = run.results.users, _Shop.asked
    shares = users["scenario"].value_counts()
    assert shares["Visitor"] + shares["Keeper"] == 40
    assert 20 <= shares["Visitor"] <= 38
    assert set(users["outcome"]) == {"left"}
    assert asked["/login"] == asked["/logout"] == shares["Visitor"]
    assert asked["/stock"] >= shares["Keeper"]
    assert 2 < asked["/items"] / asked["/order"] < 4.5
    (error,) = run.results.errors.itertuples()
    assert error.count == asked["/order"] // 3
    assert "sold out" in error.error


def test_users_of_a_constant_pace_keep_the_time_they_were_due() -> None:
    """Answers of 15 s make turns of 10 s late: each later by 5 s than the one before."""
    sensor = executed("port-from-locust.md")["Sensor"]

    class Rehearsed(sensor):
        """The same on a stub, which is slow to answer who reads."""

        async def init(self) -> None:
            stub = HttpStub(lambda _: 200, latency=lambda asked: 15 * (asked.method == "GET"))
            self.http = Options(base_url="http://shop.test", transport=stub)

    quick = rehearse(Rehearsed, 10, only="write", user_rate=math.inf, duration=60).actions
    slow = rehearse(Rehearsed, 1, only="read", user_rate=math.inf, duration=60).actions

    assert quick.groupby("user_id")["due_at"].diff().dropna().tolist() == pytest.approx([10] * 50)
    assert slow["service_time"].tolist() == pytest.approx([15, 15, 15], abs=0.01)
    assert slow["response_time"].tolist() == pytest.approx([15, 20, 25], abs=0.01)
