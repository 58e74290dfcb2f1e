"""Capacity of real servers whose limit is known: found over loopback, held against theory.

    python -m tests.by_hand.by_hand_capacity [M/D/1] [M/M/4] [--hold 40]

A server process answers HTTP with one worker or four, first come, first served.  A service is
a sleep of a known time, and the server says what the sleeps really came to, as a timer rings
late; the true limit is that of the queue's law (Crommelin, Erlang) for those.  Requests come
at random (a Poisson throttle), and `Session.find_capacity` searches by the throttle's rate.

A queue takes some ten minutes with ``--hold 40``.

Last figures (2026-11, two cores; the programs had priority over others, see sched(7) for
autogroups), with ``--hold 40``; every step was an answer:

    M/M/1  a service took  5.922 ms, true limit 132.0/s, found 124 to 143, 14 steps, 637 s
    M/M/4  a service took 20.964 ms, true limit 154.6/s, found 150 to 165, 13 steps, 593 s
    M/D/1  a service took  5.533 ms, true limit 137.6/s, found 130 to 143, 14 steps, 637 s

A service counts from when a worker was free, if the request had to wait: without the way from
one request to the next, M/D/1 seemed to carry more than it does, and was found below its limit.
Beside other programs without priority, steps are no answers: the generator was late for 1 to
6 % of the permits.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
import urllib.request
from collections import deque
from dataclasses import dataclass

from traitlets import Unicode

import murmur
import murmur.http
from murmur.results import Capacity
from murmur.results.capacity import Search, Step
from tests.benchmarks.searches import QUEUES, SERVED, Queue

SERVICE = 0.005
"""Seconds between two answers of a server whose workers are all busy, as asked of the timer."""

USERS = 400
"""Enough that one is free for each request that is due, but far beyond the limit."""


class Orders(murmur.Scenario):
    """Users order when a request is due."""

    http = murmur.http.Options(timeout=10)
    url = Unicode(help="where the server is")

    async def init(self) -> None:
        self.orders = await murmur.throttle("orders", rate=1, interval=1, arrivals="poisson")

    async def start(self, user: murmur.User) -> None:
        while True:
            await self.orders.wait()
            await user.http.get(self.url, name="order")


@dataclass
class Served:
    """How many requests a server has served, and how long that took its workers.

    The way from one request that waits to the next is part of it: no worker is free meanwhile.
    """

    number: int = 0
    seconds: float = 0.0


async def serve(workers: int, *, is_fixed: bool) -> None:
    """Answer until the process is ended; print the port."""
    turn, served, draw = asyncio.Semaphore(workers), Served(), random.Random(1)
    freed = deque([0.0] * workers)  # when each worker that is free became so

    async def work(*, has_waited: bool) -> None:
        mean = SERVICE * workers
        free_at = freed.popleft()
        began = free_at if has_waited else time.monotonic()
        await asyncio.sleep(mean if is_fixed else draw.expovariate(1 / mean))
        served.number += 1
        freed.append(time.monotonic())
        served.seconds += freed[-1] - began

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            if head.startswith(b"GET /served "):
                body = f"{served.number} {served.seconds}".encode()
            else:
                has_to_wait = turn.locked()
                async with turn:
                    await work(has_waited=has_to_wait)
                body = b"done"
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


def limit_of(queue: Queue, asked: float, seconds: float) -> float:
    """Return the true limit if a service takes so long on average."""
    slower = seconds / (queue.servers / SERVED)
    alike = Queue(queue.name, queue.servers, is_fixed=queue.is_fixed, asked=asked / slower)
    return alike.limit() / slower


def searched(queue: Queue, hold: float) -> tuple[Capacity, float, float]:
    """Return what was found of a server, the true limit and the mean time of a service."""
    asked = queue.asked * SERVICE * SERVED
    command = [sys.executable, "-m", "tests.by_hand.by_hand_capacity", "serve", queue.name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        try:
            with murmur.Session() as session:
                capacity = session.find_capacity(
                    Orders,
                    check=f"p99(order) < {asked * 1000:g}ms",
                    by="orders",
                    low=1 / SERVICE / 4,
                    hold=hold,
                    users=USERS,
                    user_rate=float("inf"),
                    on_step=told,
                    url=f"{url}/",
                )
            with urllib.request.urlopen(f"{url}/served", timeout=5) as answer:
                number, seconds = answer.read().split()
        finally:
            server.terminate()
    mean = float(seconds) / int(number)
    return capacity, limit_of(queue, asked, mean), mean


def told(step: Step, search: Search) -> None:
    """Print a step."""
    law = step.throughput * step.residence / step.busy if step.busy else float("nan")
    print(  # noqa: T201
        f"  {step.load:6.1f}/s {step.answer:9} p99 {step.p99 * 1000:6.1f} ms, judged "
        f"{step.value * 1000:6.1f} ms, Little {law:.3f}"
        f"  {step.reason}",
        flush=True,
    )


def main(names: list[str], hold: float) -> None:
    """Print what was found of each queue."""
    for queue in QUEUES:
        if names and queue.name not in names:
            continue
        began = time.monotonic()
        capacity, limit, mean = searched(queue, hold)
        is_found = capacity.ended in {"found", "too noisy"}
        is_inside = capacity.low <= limit <= capacity.high
        print(  # noqa: T201
            f"{queue.name}: {capacity.sentence}\n  a service took {mean * 1000:.3f} ms, so the "
            f"true limit is {limit:.1f}/s: "
            + (f"{'inside' if is_inside else 'OUTSIDE'}, " if is_found else "not found, ")
            + f"best guess {capacity.best:.1f}/s; {len(capacity.taken)} steps, "
            f"{time.monotonic() - began:.0f} s, load average {os.getloadavg()[0]:.1f}"
        )
        for remark in capacity.remarks:
            print(f"  {remark}")  # noqa: T201


if __name__ == "__main__":
    words = sys.argv[1:]
    if words[:1] == ["serve"]:
        (asked_of,) = (queue for queue in QUEUES if queue.name == words[1])
        asyncio.run(serve(asked_of.servers, is_fixed=asked_of.is_fixed))
    else:
        seconds_held = float(words[words.index("--hold") + 1]) if "--hold" in words else 40.0
        main([word for word in words if "/" in word], seconds_held)
