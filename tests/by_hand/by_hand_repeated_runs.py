"""Comparisons of real runs against a local server: how often one says pass, fail, cannot tell.

    python -m tests.by_hand.by_hand_repeated_runs [pairs=20] [slower pairs=10] [seconds=10]

A server process answers HTTP after a sleep that is drawn for each request (lognormal, median
20 ms), or one that is 10 % longer.  Users ask a hundred times a
second; runs are made in turns, each in a session of its own.  Pairs of single runs are
compared with ``margin=0.05``, and so are the same runs three a side.  It takes some fifteen
minutes.

Last figures, of runs of 60 s (2026-11; three of these commands at once, ``7 4 60``, which took
1,360 s on two cores; they had priority over other programs, see sched(7) for autogroups): all 66
runs valid.  21 unchanged pairs: 9 pass, 12 cannot tell, no row called different; 12 slower
pairs: 12 fail.  Three runs a side, 6 unchanged: 5 pass, 1 cannot tell; 3 slower: 3 fail.
Of 60 runs of 6 s every answer was "cannot tell": single runs of six seconds are too short to
tell ten percent.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence

from traitlets import Unicode

import murmur
import murmur.http
from murmur.results import Results, compare

MEDIAN, SPREAD, SLOWER = 0.020, 0.3, 1.1
RATE, USERS = 100, 40


class Asks(murmur.Scenario):
    """Users ask when a request is due."""

    http = murmur.http.Options(timeout=5)
    url = Unicode(help="where the server is")

    async def init(self) -> None:
        self.due = await murmur.throttle("due", rate=RATE, interval=1)

    async def start(self, user: murmur.User) -> None:
        while True:
            await self.due.wait()
            await user.http.get(self.url, name="ask")


async def serve() -> None:
    """Answer ``/1.0`` as usual and ``/1.1`` a tenth later, until the process is ended."""
    draw = random.Random()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                factor = float(head.split()[1][1:])
                await asyncio.sleep(factor * MEDIAN * math.exp(SPREAD * draw.gauss(0, 1)))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


def measured(url: str, factor: float, seconds: float) -> Results:
    """Return the results of a run; the first second is left out of comparisons."""
    with murmur.Session() as session:
        asked = f"{url}/{factor}"
        run = session.do(Asks, USERS, user_rate=math.inf, duration=seconds + 1, url=asked)
        run.wait(timeout=seconds + 30)
        return run.results


def told(name: str, sides: Sequence[tuple[list[Results], list[Results]]]) -> None:
    """Print how often which answer came, and what was called different."""
    answers: Counter[str] = Counter()
    called: Counter[str] = Counter()
    for a, b in sides:
        frame = compare(a, b, start=1, margin=0.05)
        answers[frame.attrs["answer"]] += 1
        surely = frame[frame["outcome"].isin(["higher", "lower"])]
        called.update(f"{row.statistic} {row.outcome}" for row in surely.itertuples())
    print(  # noqa: T201
        f"{name:34} {len(sides):3} comparisons: {answers['pass']} pass, {answers['fail']} fail, "
        f"{answers['cannot tell']} cannot tell; called different: {dict(called)}",
        flush=True,
    )


def main(pairs: int = 20, slower: int = 10, seconds: float = 10.0) -> None:
    """Make the runs and print the table."""
    began = time.monotonic()
    command = [sys.executable, "-m", "tests.by_hand.by_hand_repeated_runs", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        try:
            alike = [tuple(measured(url, 1.0, seconds) for _ in range(2)) for _ in range(pairs)]
            other = [
                tuple(measured(url, each, seconds) for each in (1.0, SLOWER)) for _ in range(slower)
            ]
        finally:
            server.terminate()
    states = Counter(run.verdict.state for pair in (*alike, *other) for run in pair)
    for name, kind in (("unchanged", alike), ("10 % slower", other)):
        told(f"{name}, one run a side", [([a], [b]) for a, b in kind])
        threes = [kind[place : place + 3] for place in range(0, len(kind) - 2, 3)]
        sides = [([a for a, _ in each], [b for _, b in each]) for each in threes]
        told(f"{name}, three runs a side", sides)
    took, load = time.monotonic() - began, os.getloadavg()[0]
    print(f"verdicts {dict(states)}, {took:.0f} s, load average {load:.0f}")  # noqa: T201


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve())
    else:
        main(*map(int, sys.argv[1:]))
