"""A real Prometheus beside a run: its own measurements on the run's clock."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import murmur
from murmur import charts
from murmur.exporters import Prometheus as Exporter
from murmur.results import ProcessFigures, Prometheus

CONFIG = """
global: {{scrape_interval: 250ms, scrape_timeout: 250ms}}
scrape_configs:
- job_name: shop
  static_configs: [{{targets: ["127.0.0.1:{shop}"]}}]
"""


class Orders(murmur.Scenario):
    """Users order ten times a second."""

    async def start(self, user: murmur.User) -> None:
        while True:
            with user.timer("order"):
                await user.sleep(0.1)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def value_of(url: str, query: str) -> float:
    """Return what a Prometheus says of a query now; 0 if nothing."""
    with contextlib.suppress(OSError):
        address = f"{url}/api/v1/query?query={query}"
        with urllib.request.urlopen(address, timeout=5) as answer:
            found = json.load(answer)["data"]["result"]
        return float(found[0]["value"][1]) if found else 0.0
    return 0.0


@pytest.fixture
def session() -> Iterator[murmur.Session]:
    with murmur.Session() as made:
        yield made


@pytest.fixture
def prometheus(program: Any, session: murmur.Session, tmp_path: Path) -> Iterator[str]:
    """Return the address of a Prometheus that looks at what the session exports."""
    path, port = program("prometheus"), free_port()
    with Exporter(session, port=0) as exporter:
        (tmp_path / "prometheus.yml").write_text(CONFIG.format(shop=exporter.port))
        command = [
            path,
            f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, **quiet)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


def test_what_a_prometheus_measured_lies_beside_the_run(
    session: murmur.Session, prometheus: str
) -> None:
    deadline = time.monotonic() + 60
    while not value_of(prometheus, "up") and time.monotonic() < deadline:
        time.sleep(0.2)

    with ProcessFigures(os.getpid(), every=0.2) as figures:
        run = session.do(Orders, 5, duration=5, user_rate=float("inf"))
        run.wait(timeout=60)
        query = Prometheus(prometheus, "up", name="up", step=0.5)
        results = run.results
    theirs, mine = results.join(query), results.join(figures)

    offset, error = theirs.attrs["clock_offset"], theirs.attrs["clock_error"]
    assert abs(offset) <= error + 0.05  # one machine has one clock
    assert "their clock is" in theirs.attrs["notes"][0]
    assert theirs["up"].dropna().tolist().count(1.0) >= 3
    assert theirs["count"].sum() == len(results.actions)
    assert (mine["rss"].dropna() > 1e6).any()
    assert charts.joined(theirs).to_dict()
