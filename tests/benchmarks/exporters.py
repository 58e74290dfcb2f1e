"""What exporters and feeders cost: ``python -m tests.benchmarks.exporters``.

Each figure is the best of several rounds, in CPU time of this process, because a load test's
machine is busy and the best round is the one least disturbed.
"""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from prometheus_client import generate_latest

from murmur.exporters import Totals
from murmur.exporters._families import registry_of
from murmur.feeder import Rows
from murmur.feeder._read import columns_of
from murmur.recording import RunRecord
from murmur.telemetry import Chunk, Recorder

ROUNDS = 7


def best(work: Callable[[], object]) -> float:
    """Return seconds of CPU of the best round."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        rounds.append(time.process_time() - began)
    return min(rounds)


def chunks(names: int, nodes: int, actions: int) -> list[Chunk]:
    """Return one second of every node: `actions` in all, of as many names, lognormal."""
    random = Random(1)
    made = []
    for node in range(nodes):
        recorder = Recorder(node=f"node{node}", started_at=0.0, wall_started_at=0.0)
        for number in range(actions // nodes):
            seconds = random.lognormvariate(-3, 1)
            recorder.action(f"action{number % names}", 1, 0.0, 0.1, 0.1 + seconds)
        recorder.population(1.0, 1, 2, 3)
        recorder.throttle(1.0, "turns", {"rate": 1.0, "interval": 1.0, "granted": 3})
        recorder.health(1.0, [0.001], 0.1, 1e8, saturated=False)
        made.append(recorder.seal())
    return made


def exporting(names: int, nodes: int) -> Iterator[tuple[str, float, str]]:
    """Yield what taking in, reading and a scrape cost, and how large the scrape is."""
    totals, record = Totals(), RunRecord("r1", 0.0, 0.0)
    second = chunks(names, nodes, 10_000)
    size = f"{names} actions, {nodes} nodes"
    taken = best(lambda: [totals.take(record, chunk) for chunk in second])
    yield f"take in a second ({size})", taken * 1e3, "ms"
    yield f"read the totals ({size})", best(totals.read) * 1e3, "ms"
    registry = registry_of(totals, {})
    yield f"scrape ({size})", best(lambda: generate_latest(registry)) * 1e3, "ms"
    yield f"  its size ({size})", len(generate_latest(registry)) / 1e3, "kB"


def feeding(rows: int) -> Iterator[tuple[str, float, str]]:
    """Yield what reading a CSV of three columns and handing out its rows cost."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "accounts.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            lines = csv.writer(file)
            lines.writerow(["name", "password", "mail"])
            lines.writerows((f"user{n}", f"{n * 7919}", f"{n}@example.org") for n in range(rows))
        began = time.process_time()
        columns = columns_of(path)
        yield f"read a CSV of {rows:,} rows", time.process_time() - began, "s"
    table = Rows(columns, source="accounts.csv")
    seconds = best(lambda: [table[user] for user in range(1, 10_001)])
    yield "hand out a row", seconds / 10_000 * 1e6, "us"


def main() -> None:
    """Print the figures."""
    for figures in (exporting(10, 1), exporting(100, 10), feeding(1_000_000)):
        for name, value, unit in figures:
            print(f"{name:45} {value:10.2f} {unit}")  # noqa: T201 - it is what it is for


if __name__ == "__main__":
    main()
