"""The scenario of docs/how-to/test-with-a-browser.md, with Debian's Chromium and a page of ours."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright")

PAGE = b"""<!doctype html><title>Ask</title><button onclick="ask()">Ask</button><p></p><script>
let asked = 0;
async function ask() {
  const answer = await (await fetch("/answer")).text();
  document.querySelector("p").textContent = `${answer} ${++asked}`;
}
</script>"""


class _Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b"answer" if self.path == "/answer" else PAGE
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.slow
def test_visitors_share_a_browser_click_and_leave_nothing_behind(
    url: str, program: Callable[..., str], trial: Any
) -> None:
    visitors = 4
    run = trial.begin(
        "browser_visits.py",
        visitors,
        url=url,
        chromium=program("chromium"),
        pace=0.2,
        patience=60.0,
        grace=60.0,
    )
    browser, *_ = _browsers()
    trial.wait_until(lambda: trial.done(run, "click") >= 2 * visitors)
    seconds = trial.end(run)

    assert run.results.summary().users == {"left": visitors}
    assert seconds < 30  # of the 60 s that they have
    assert trial.done(run, "open") == visitors
    assert trial.done(run, "click", failed=True) == 0
    assert run.results.errors.empty
    trial.wait_until(lambda: browser not in _browsers())


def _browsers() -> list[int]:
    """Return the browsers that run with what a driver of this process gave them."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                of_parent = Path(f"/proc/{parent}/stat").read_text()
            except OSError:
                continue
            is_ours = int(of_parent.rpartition(")")[2].split()[1]) == os.getpid()
            if is_ours and b"--user-data-dir=" in line:
                found.append(int(entry.name))
    return found
