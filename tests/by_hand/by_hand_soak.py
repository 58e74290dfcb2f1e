"""A soak of the real runtime: twenty minutes at 1,500 actions a second, watched from outside.

Run it with ``python tests/by_hand/by_hand_soak.py --out soak.csv``, where a core is to spare.

A child process has a session with a run directory; its users come and go, ask murmur's
shop over HTTP, take permits of a throttle, write to each other, meet at a coordinator, fail
now and then and leave a task behind now and then.  The bounds of what a run keeps are set low, so
that each of them is reached in the first minutes and what comes after is what grows.  This
process reads the child's memory, threads and file descriptors from ``/proc`` once a second; the
child counts its tasks and the objects that the collector knows once a minute.  The end is the
slope of the memory after the bounds, from means of minutes, with its interval of 95 %.

Last figures (2026-11, two cores, with priority over the other programs of a busy machine):
1,800,051 actions, 1,500 a second for 20 minutes, 6,116 users, verdict valid.  After the bounds
memory went from 159 to 161 MB, 3.8 MB an hour (1.3 to 6.3): texts of failures, of which the
newest thousands are remembered.  5 threads, 307 descriptors, about 320 tasks throughout.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from traitlets import Float, Unicode

import murmur
import murmur.http
from murmur.errors import UnresponsiveError
from murmur.recording import RunRecord
from murmur.testing import shop_process

USERS = 300
BOUNDS = {
    "actions_bound": 100_000,
    "events_bound": 100,
    "rows_bound": 200,
    "histograms_bound": 2 << 20,
}
SETTLED = 300.0  # s, after which every bound is reached; a quarter of a shorter soak


class Soaking(murmur.Scenario):
    """Users ask a shop, write to each other, fail and leave things behind; each stays a minute."""

    user_rate = Float(math.inf, help="users per minute").tag(live=True)
    base_url = Unicode(help="where the shop is").tag(required=True)
    rate = Float(1500.0, help="actions per second").tag(live=True)
    leftovers = "cancel"

    async def init(self) -> None:
        # Every pass of the loop below records three actions.  What a busy machine costs is
        # made good within a minute.
        self.turns = await murmur.throttle("turns", rate=20 * self.rate, interval=60, catch_up=True)
        self.pairs = await murmur.coordinator("pairs", (2, lambda event: None), timeout=5)

    async def start(self, user: murmur.User) -> None:
        if user.id % 50 == 0:
            asyncio.get_running_loop().create_task(asyncio.sleep(3600))  # left behind
        for turn in range(int(30 + 140 * user.random.random())):
            await self.turns.wait()
            await user.http.get("/items/{id}", id=user.random.randint(1, 1_010))
            with user.timer("thinking"):
                await asyncio.sleep(0.002)
            user.record("reckoned", user.random.lognormvariate(-4.5, 1.0))
            user.send(f"turn {turn}")
            await user.receive(timeout=1)
            user.gauge("turn", turn)
            user.count("turns")
        if user.id % 10 == 0:
            await self.pairs.add(user)
        if user.id % 20 == 0:
            raise LookupError(f"order {user.id} lost at <Shop at {id(user):#x}>")


def inside(seconds: float, url: str) -> None:
    """Be the child: run the load, replace users who are gone, tell what is there each minute."""
    _give_bounds()
    with (
        tempfile.TemporaryDirectory() as directory,
        murmur.Session(directory=directory) as session,
    ):
        run = session.do(Soaking, USERS, base_url=url, duration=seconds + 5)
        began, minute, unanswered = time.monotonic(), 0, 0
        while (passed := time.monotonic() - began) < seconds:
            time.sleep(0.5)
            try:
                _keep_up(session)
            except UnresponsiveError:  # other programs have the machine
                unanswered += 1
            if passed >= 60 * minute:
                minute += 1
                len(run.results.windows)  # somebody looks
                _tell(passed, run)
        with suppress(UnresponsiveError):
            session.stop()
        run.wait(60)
        end = f"{run.results.summary()}\n{unanswered} calls without an answer"
        print(json.dumps({"end": end}), flush=True)  # noqa: T201 - read by the parent


def _keep_up(session: murmur.Session) -> None:
    """Replace users that are gone."""
    users = session.status().users
    missing = USERS - users["running"] - users["waiting"]
    if missing > 0:
        session.add(missing)


def _give_bounds() -> None:
    """Let the session's records have the low bounds; their defaults are positional too."""
    made = RunRecord.__init__

    def bounded(self: RunRecord, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **{**kwargs, **BOUNDS})

    RunRecord.__init__ = bounded  # type: ignore[method-assign]


def _tell(at: float, run: murmur.Run) -> None:
    gc.collect()
    objects = gc.get_objects()
    kinds = Counter(type(each).__qualname__ for each in objects)
    tasks = sum(isinstance(each, asyncio.Task) for each in objects)
    told = {
        "at": at,
        "objects": len(objects),
        "tasks": tasks,
        "actions": int(run.results.windows["count"].sum()),
        "kinds": kinds.most_common(400),
    }
    print(json.dumps(told), flush=True)  # noqa: T201 - read by the parent


def sample(pid: int) -> dict[str, float]:
    """Return what a process has now: bytes that are resident, threads, file descriptors."""
    words = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return {
        "rss": float(words["VmRSS"].split()[0]) * 1024,
        "threads": float(words["Threads"]),
        "fds": float(len(os.listdir(f"/proc/{pid}/fd"))),
    }


def slope(times: np.ndarray, values: np.ndarray) -> tuple[float, float, float]:
    """Return the slope of the means of minutes, per hour, and its interval of 95 %."""
    means = pd.Series(values).groupby((times // 60).astype(int)).mean()
    hours = means.index.to_numpy() / 60.0
    by, at = np.polyfit(hours, means.to_numpy(), 1)
    left = means.to_numpy() - (at + by * hours)
    spread = ((hours - hours.mean()) ** 2).sum()
    error = math.sqrt((left**2).sum() / (len(means) - 2) / spread)
    return by, by - 2.16 * error, by + 2.16 * error  # Student's t of 15 minutes


def watched(seconds: float) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Run the child, and return a row for each second and what it told each minute."""
    rows: list[dict[str, float]] = []
    with shop_process(connections=2 * USERS) as shop, tempfile.TemporaryFile("w+") as told:
        command = [sys.executable, __file__, "--inside", shop.url, "--seconds", str(seconds)]
        child = subprocess.Popen(command, stdout=told)
        began = time.monotonic()
        while child.poll() is None:
            time.sleep(1.0)
            try:
                rows.append({"at": time.monotonic() - began, **sample(child.pid)})
            except (FileNotFoundError, KeyError, ProcessLookupError):
                break  # it has ended, or is a zombie without memory
        child.wait(60)
        told.seek(0)
        return pd.DataFrame(rows), [json.loads(line) for line in told]


def report(rows: pd.DataFrame, told: list[dict[str, Any]]) -> None:
    """Print what grew."""
    after = min(SETTLED, rows["at"].max() / 4)
    settled = rows[(rows["at"] > after) & (rows["at"] < rows["at"].max() - 15)]
    for name, unit in (("rss", 1e6), ("threads", 1.0), ("fds", 1.0)):
        by, low, high = slope(settled["at"].to_numpy(), settled[name].to_numpy() / unit)
        first, last = settled[name].iloc[0] / unit, settled[name].iloc[-1] / unit
        print(f"{name}: {first:.0f} to {last:.0f}; {by:+.2f} an hour ({low:+.2f} to {high:+.2f})")  # noqa: T201
    minutes = [each for each in told if "at" in each]
    for each in minutes:
        there = f"{each['objects']:9,} objects  {each['tasks']} tasks"
        print(f"  {each['at']:6.0f} s  {there}  {each['actions']:,} actions")  # noqa: T201
    late = [each for each in minutes if each["at"] > after]
    if len(late) > 1:
        before, after = (Counter(dict(each["kinds"])) for each in (late[0], late[-1]))
        grown = {kind: after[kind] - before[kind] for kind in after}
        for kind, by_ in sorted(grown.items(), key=lambda pair: -pair[1])[:8]:
            print(f"  {kind}: {before[kind]} to {after[kind]} ({by_:+})")  # noqa: T201
    print(told[-1].get("end"))  # noqa: T201


def main() -> None:
    """Soak, or be the child that is soaked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1200.0)
    parser.add_argument("--out", default="soak.csv")
    parser.add_argument("--inside", default="", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside:
        inside(asked.seconds, asked.inside)
        return
    rows, told = watched(asked.seconds)
    rows.to_csv(asked.out, index=False)
    Path(asked.out).with_suffix(".json").write_text(json.dumps(told))
    report(rows, told)


if __name__ == "__main__":
    main()
