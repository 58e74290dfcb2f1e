"""What murmur costs, in one table: ``python -m tests.benchmarks [NAME ...] [--json]``.

Each measurement is made in a process of its own: once to warm up, then five times or more,
round by round, so that a machine that slows down slows all of them.  A figure is the median
with the least and the most; processor time says more than wall time on a shared machine, and
ratios of one call more than either.  Where a size grows tenfold twice, the exponent is told:
0 where each of many costs what each of few does, 0.3 where ten times as many double it.

The modules beside this one have the measurements, and more of their own to ask for.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import anyio

import murmur
from tests.benchmarks import http, users

ROOT = Path(__file__).parents[2]

Figures = dict[str, float]

COST = "CPU per request, us"


def admission(rate: int) -> Figures:
    """Ask for `rate` users a second for three seconds."""
    asked = rate * 3
    with murmur.Session() as session:
        run = session.do(users.Churn, asked, user_rate=rate * 60.0)
        users.until(lambda: session.status().users["gone"] == asked)
        admitted = run.results.users["admitted_at"].sort_values().to_numpy()
    spread = admitted[-1] - admitted[0]
    second = admitted.searchsorted(admitted + 1.0) - range(len(admitted))
    return {
        "reached, share of the rate": (asked - 1) / spread / rate,
        "fullest second, share of the rate": float(second.max()) / rate,
    }


class Napping(murmur.Scenario):
    """Users record a nap of a second again and again."""

    async def start(self, user: murmur.User) -> None:
        while True:
            with user.timer("nap"):
                await user.sleep(1.0)


def report(sleepers: int) -> Figures:
    """Write a report of a run that is on while another thread asks for its turn all the time."""
    with murmur.Session() as session, tempfile.TemporaryDirectory() as folder:
        run = session.do(Napping, sleepers, user_rate=math.inf)
        time.sleep(3.0)
        os.environ["XDG_CACHE_HOME"] = folder  # as after an installation
        with _Ticking() as ticking:
            began = time.perf_counter()
            run.results.report(Path(folder) / "run.html")
            took = time.perf_counter() - began
        time.sleep(1.5)
        lag = run.results.health["loop_lag_max"].max()
    held = {"others held, ms": ticking.longest * 1e3, "loop lag, ms": float(lag) * 1e3}
    return {"first report, s": took} | held


def recorded(actions: int) -> Figures:
    """Record actions, and seal them."""
    from tests.benchmarks import recording  # as above

    return recording.recording(actions)


class Recording(murmur.Scenario):
    """Users record four hundred actions each and go."""

    async def start(self, user: murmur.User) -> None:
        for _ in range(40):
            for _ in range(10):
                user.record("act", 0.01)
            await user.sleep(0.01)


def ending(actions: int) -> Figures:
    """End a run that is kept in a directory, and see for how long its loop stands still.

    What was measured in the last second is taken in before, as it is in every second.
    """

    async def watch() -> float:
        longest, before = 0.0, time.perf_counter()
        while not run.is_over:
            await anyio.sleep(0.001)
            now = time.perf_counter()
            longest, before = max(longest, now - before - 0.001), now
        return longest

    with tempfile.TemporaryDirectory() as folder, murmur.Session(directory=folder) as session:
        run = session.do(Recording, actions // 400, user_rate=math.inf)
        users.until(lambda: session.status().users["gone"] == actions // 400)
        if len(run.results.actions) != actions:
            raise RuntimeError("not all actions were recorded")
        watching, began = session.background(watch), time.perf_counter()
        run.stop()
        run.wait()
        took = time.perf_counter() - began
    return {"loop held, ms": watching.result() * 1e3, "until it is over, s": took}


class _Ticking:
    """A thread that asks for its turn every millisecond; `longest` is how long it waited."""

    def __enter__(self) -> _Ticking:
        self.longest, self._is_on = 0.0, True
        self._thread = threading.Thread(target=self._tick)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_on = False
        self._thread.join()

    def _tick(self) -> None:
        before = time.perf_counter()
        while self._is_on:
            time.sleep(0.001)
            now = time.perf_counter()
            self.longest, before = max(self.longest, now - before - 0.001), now


def permits(rate: int) -> Figures:
    """Take permits at a rate (0: unlimited) for two seconds, on uvloop."""
    from tests.benchmarks import throttle  # an older build has not all that it needs

    it = throttle.measure("uvloop", rate or math.inf, 1.0, 2.0)
    if not rate:
        return {"CPU per permit, us": it.cpu_per_permit * 1e6}
    return {
        "reached, share of the rate": it.reached,
        "fullest window, share of the rate": it.window,
        "lateness p99, ms": it.lateness_p99 * 1e3,
        "of a core": it.core,
    }


def requests(connections: int, page: str = http.USUAL) -> Figures:
    """Ask nginx for a small file, each user over its own connection, for two seconds.

    Right after, a bare protocol of the loop that only parses does the same (what grows there
    with the connections is not murmur's), and then the other generators that there are.
    """
    from murmur.testing import raise_open_files_limit  # which older builds have not

    raise_open_files_limit()
    with tempfile.TemporaryDirectory() as folder, http.nginx(Path(folder)) as url:
        os.environ["MURMUR_BENCHMARK_URL"] = url
        figures = _each(http.measure_murmur(connections, 2.0, page=page))
        peers = _peers(url, connections, page)
    own = figures[COST]
    for name, figure in peers.items():
        figures |= {f"{name}, us": figure, f"share of {name}": own / figure}
    return figures


def _peers(url: str, connections: int, page: str) -> Figures:
    """Return what a request costs the other generators that are here."""
    measured = {"bare protocol": http.measure_floor(f"{url}{page}", connections, 2.0)}
    if "K9" in os.environ:
        measured["k9-load's plan"] = http.measure_k9(url, connections, 3, page)
        if connections == 100:
            script = http.measure_k9(url, connections, 3, page, plan=http.SCRIPT)
            measured["k9-load's Python script"] = script
    if shutil.which("wrk"):
        measured["wrk"] = http.measure_wrk(url, connections, 3, page)
    return {name: it["cpu"] / it["requests"] * 1e6 for name, it in measured.items()}


def _each(it: Mapping[str, float]) -> Figures:
    """Return what each request cost, if none failed."""
    if it["failed"] or not it["requests"]:
        raise RuntimeError(f"{it['failed']:.0f} of {it['requests']:.0f} requests failed")
    return {COST: it["cpu"] / it["requests"] * 1e6}


def http2(connections: int) -> Figures:
    """Ask nginx over TLS and HTTP/2, each user over its own connection, for two seconds."""
    with tempfile.TemporaryDirectory() as folder, http.nginx(Path(folder), http2=True) as url:
        os.environ["MURMUR_BENCHMARK_URL"] = url
        return _each(http.measure_murmur(connections, 2.0, page=http.USUAL))


def websocket(connections: int) -> Figures:
    """Ask a server over a WebSocket, and wait for its answer, for two seconds."""
    with http.echo() as url:
        os.environ["MURMUR_BENCHMARK_URL"] = url
        return _each(http.measure_murmur(connections, 2.0, http.Talking))


def nodes(rate: int) -> Figures:
    """Ask nginx so often a second on two nodes, in one process, and in two that are apart.

    CPU is that of all processes.
    """
    from tests.benchmarks import nodes  # as above

    with tempfile.TemporaryDirectory() as folder, http.nginx(Path(folder)) as url:
        page = f"{url}{http.USUAL}"
        one, two = (nodes.measure(number, rate, page, 4.0)[0] for number in (0, 2))
        apart, _ = nodes.measure_apart(rate, page, 4.0)
    return {
        "CPU per request, two nodes, us": two,
        "one process, us": one,
        "two processes apart, us": apart,
        "share of one process": two / one,
        "share of two apart": two / apart,
    }


def fresh_requests(connections: int) -> Figures:
    """Ask for a page whose head is new each time."""
    return requests(connections, http.FRESH)


# Name, what measures it, and the sizes; of several the exponent of the first figure is told.
MEASUREMENTS: Mapping[str, tuple[Callable[[int], Figures], Sequence[int]]] = {
    "idle": (users.idle, (1_000, 10_000, 100_000)),
    "churn": (users.churn, (1_000, 10_000, 100_000)),
    "ticking": (users.ticking, (1_000, 10_000, 100_000)),
    "admission": (admission, (10_000,)),
    "permits": (permits, (0, 1_000, 20_000)),
    "recording": (recorded, (100_000,)),
    "http": (requests, (10, 100, 1_000)),
    "http_new_heads": (fresh_requests, (100,)),
    "http2": (http2, (50,)),
    "websocket": (websocket, (50,)),
    "nodes": (nodes, (1_000, 3_000)),
    "report": (report, (1_000,)),
    "ending": (ending, (4_000, 40_000, 400_000)),
}


def measure(name: str, size: int, packages: Path = ROOT) -> Figures:
    """Return the figures of one measurement, made in a process of its own."""
    command = [sys.executable, "-P", "-m", "tests.benchmarks", "--once", name, str(size)]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": f"{packages}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def error_text(error: subprocess.SubprocessError) -> str:
    """Return the end of what a process that failed wrote to stderr."""
    return str(getattr(error, "stderr", None) or "")[-2000:]


def beside(name: str, size: int, packages: Path) -> Figures:
    """Measure this murmur and then the other one that is in `packages`."""
    here, other = measure(name, size), measure(name, size, packages)
    first = next(iter(here))
    return here | {
        f"{first}, other build": other[first],
        "share of the other build": here[first] / other[first],
    }


def exponent(sizes: Sequence[int], figures: Sequence[float]) -> float:
    """Return the power of the size with which a figure grows, by least squares on logarithms."""
    logs = [math.log(size) for size in sizes], [math.log(figure) for figure in figures]
    return statistics.linear_regression(*logs).slope


def tell(row: Mapping[str, object]) -> None:
    """Print one line of the table."""
    name, what = f"{row['name']} {row['size']:,}", row["figure"]
    middle, least, most = row["median"], row["min"], row["max"]
    sys.stdout.write(f"{name:18} {what:34} {middle:10,.3g}  ({least:,.3g} to {most:,.3g})\n")
    sys.stdout.flush()


def against(checkout: str | None, folder: Path) -> Callable[[str, int], Figures]:
    """Return what measures, and the murmur of another checkout right after if there is one."""
    if checkout is None:
        return measure
    packages = folder / "packages"
    packages.mkdir()
    (packages / "murmur").symlink_to(Path(checkout, "murmur").resolve())
    return partial(beside, packages=packages)


def rows_of(
    names: Sequence[str], repeats: int, one: Callable[[str, int], Figures] = measure
) -> list[dict[str, object]]:
    """Measure all of `names`, round by round, and return a row for each figure.

    What fails is told at once and has no row, and the others are measured all the same.
    """
    cases = [(name, size) for name in names for size in MEASUREMENTS[name][1]]
    seen: dict[tuple[str, int], list[Figures]] = {case: [] for case in cases}
    for number in range(repeats + 1):
        for case in list(seen):
            try:
                figures = one(*case)
            except subprocess.SubprocessError as error:
                del seen[case]
                sys.stderr.write(f"{case[0]} {case[1]:,} failed: {error}\n{error_text(error)}\n")
                continue
            if number:  # the first warms up
                seen[case].append(figures)
    rows: list[dict[str, object]] = []
    for (name, size), rounds in seen.items():
        for figure in rounds[0]:
            values = [each[figure] for each in rounds]
            summed = {"median": statistics.median(values), "min": min(values), "max": max(values)}
            rows.append({"name": name, "size": size, "figure": figure, **summed})
    return rows


def exponents(rows: Sequence[Mapping[str, object]]) -> dict[str, float]:
    """Return the exponent of each figure that was measured at three sizes, by name and figure."""
    series: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        place = series.setdefault(f"{row['name']}: {row['figure']}", [])
        place.append((int(str(row["size"])), float(str(row["median"]))))
    return {
        what: exponent(*zip(*points, strict=True))
        for what, points in series.items()
        if len(points) == 3 and all(min(point) > 0 for point in points)
    }


def main() -> None:
    """Measure what is named, or all, and print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--json", action="store_true", help="print one object instead")
    parser.add_argument("--repeats", type=int, default=5, help="counted ones of each")
    parser.add_argument("--beside", metavar="CHECKOUT", help="another murmur, measured in turn")
    parser.add_argument("--once", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        name, size = options.once
        sys.stdout.write(json.dumps(MEASUREMENTS[name][0](int(size))) + "\n")
        return
    if unknown := set(options.names) - set(MEASUREMENTS):
        parser.error(
            f"no measurement {', '.join(sorted(unknown))}; there are {', '.join(MEASUREMENTS)}"
        )
    before, names = os.getloadavg()[0], options.names or list(MEASUREMENTS)
    with tempfile.TemporaryDirectory() as folder:
        if any(name.startswith("http") for name in names) and (k9 := http.find_k9(Path(folder))):
            os.environ["K9"] = k9
        rows = rows_of(names, options.repeats, against(options.beside, Path(folder)))
    measured = {(row["name"], row["size"]) for row in rows}
    missing = sum(len(MEASUREMENTS[name][1]) for name in names) - len(measured)
    noise = {"load before": before, "load after": os.getloadavg()[0], "CPUs": os.cpu_count()}
    grown = exponents(rows)
    if options.json:
        told = {"python": sys.version, "machine": noise, "rows": rows, "exponents": grown}
        sys.stdout.write(json.dumps({**told, "failed": missing}) + "\n")
        sys.exit(bool(missing))
    for row in rows:
        tell(row)
    for what, power in grown.items():
        sys.stdout.write(f"grows with size to the power of {power:5.2f}   {what}\n")
    sys.stdout.write(
        f"load {before:.1f} before and {noise['load after']:.1f} after, {noise['CPUs']} CPUs: "
        "a load above its CPUs makes these figures too high\n"
    )
    sys.exit(f"{missing} measurements failed and are missing above" if missing else 0)


if __name__ == "__main__":
    main()
