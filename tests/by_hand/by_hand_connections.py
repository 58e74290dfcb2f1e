"""A hundred thousand connections from one host, held open: users take local addresses in turns.

``python tests/by_hand/by_hand_connections.py [USERS] [SECONDS]`` starts as many users, each with
one connection that it keeps and asks over every 30 s, to servers at one port.  One address of
this host has some 28,000 ports to connect from, so the users have eight.  If one process may not
have that many files (``ulimit -Hn``), the users are spread over nodes, and the servers as well.

Last figures, 2026-11-29, two cores beside some twenty busy programs, 20,000 files for a process:
100,000 connections after 195 s on six nodes, none lost in 60 s, 681,872 requests of which none
failed, 1,562 MB of memory, 15.6 kB a user.
"""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import resource
import socket
import sys
import time
from typing import Any

import uvloop
from traitlets import Unicode

import murmur
from murmur.http import Options

SOURCES = [f"127.0.1.{last}" for last in range(1, 9)]
PAUSE = 30.0
RATE = 1_500  # users admitted a second
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Holder(murmur.Scenario):
    """Users keep a connection, and ask over it now and then."""

    base_url = Unicode("", help="server to test")

    async def init(self) -> None:
        self.http = Options(base_url=self.base_url, local_addresses=SOURCES, timeout=60)

    async def start(self, user: murmur.User) -> None:
        while True:
            await user.http.get("/")
            await user.sleep(PAUSE)


class Answering(asyncio.Protocol):
    """Answers whatever comes in one piece, and counts who is connected, from where."""

    def __init__(self, seen: Any) -> None:
        self.seen = seen

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.seen[0] += 1
        self.seen[1] = max(self.seen[0], self.seen[1])

    def connection_lost(self, error: Exception | None) -> None:
        self.seen[0] -= 1

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER)


def serve(port: int, seen: Any) -> None:
    """Answer all who connect, until this process is ended."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Answering(seen), "127.0.0.1", port, backlog=8192, reuse_port=True
        )
        await server.serve_forever()

    uvloop.run(run())


def raise_limit() -> int:
    """Allow as many open files as the system lets this process have, and say how many."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def tell(text: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(users: int, seconds: float) -> None:
    """Hold so many connections for so long, and print what was seen."""
    limit = raise_limit()
    parts = math.ceil(users / (limit - 1_000))
    tell(f"{limit:,} open files allowed: {parts} processes on each side")
    context = multiprocessing.get_context("spawn")
    counts = [context.Array("q", 2, lock=False) for _ in range(parts)]
    with socket.socket() as place:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
        servers = [context.Process(target=serve, args=(port, seen), daemon=True) for seen in counts]
        for server in servers:
            server.start()
        time.sleep(3)
        with murmur.Session() as session:
            if parts > 1:
                session.spawn_nodes(parts)
            run = session.do(
                Holder, users, user_rate=RATE * 60, base_url=f"http://127.0.0.1:{port}"
            )
            watch(counts, users, seconds)
            run.stop()
            run.wait(120)
    report(run, users)
    for server in servers:
        server.terminate()


def watch(counts: Any, users: int, seconds: float) -> None:
    """Say how many connections there are, until all are there, and then for so long."""
    began = time.monotonic()
    deadline = began + users / RATE * 4 + 60
    while (held := sum(seen[0] for seen in counts)) < users and time.monotonic() < deadline:
        time.sleep(1)
    tell(f"{held:,} connections after {time.monotonic() - began:.0f} s")
    held_at = time.monotonic()
    least = held
    while time.monotonic() < held_at + seconds:
        time.sleep(0.5)
        least = min(least, sum(seen[0] for seen in counts))
    tell(f"held {seconds:.0f} s: never fewer than {least:,}")


def report(run: Any, users: int) -> None:
    """Print what the run recorded."""
    results = run.results
    taken = results.health.groupby("node", observed=True)["rss"].max().sum()
    tell(f"memory of the generator {taken / 1e6:,.0f} MB, {taken / users / 1e3:.1f} kB a user")
    windows = results.windows
    ours = windows[windows["node"] == "all"] if "all" in set(windows["node"]) else windows
    tell(f"{int(ours['count'].sum()):,} requests, {int(ours['failed'].sum()):,} failed")
    for row in results.errors.head(5).itertuples():
        tell(f"  {row.error}: {row.count}")
    tell(f"{run.status().users}; {results.verdict}")


if __name__ == "__main__":
    given = [float(each) for each in sys.argv[1:]]
    main(int(given[0]) if given else 100_000, given[1] if len(given) > 1 else 60.0)
