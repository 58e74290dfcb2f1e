"""How a rate over two nodes fares on long and lossy links: ``python -m tests.benchmarks.links``.

The nodes are in a network namespace of their own, and every packet between them and the steering
kernel goes through this process, which holds it back for half the round trip and drops some.
*reached* is the share of the permits due that were granted, *fullest second* the most actions
that began in any second, as a share of the rate: never above 100 %.  Needs root, `ip` and
/dev/net/tun; nothing leaves the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import heapq
import itertools
import os
import random
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
from traitlets import Float

import murmur

SPACE, NEAR, FAR = f"murmur-links-{os.getpid()}", "mmlink0", "mmlink1"
HERE, THERE = "10.214.0.1", "10.214.0.2"
TUNSETIFF, TUN_WITHOUT_HEADER = 0x400454CA, 0x1001
CASES = ((0.0, 0.0), (0.010, 0.0), (0.020, 0.0), (0.100, 0.0), (0.010, 0.01))


class Paced(murmur.Scenario):
    """Users do nothing, as often as a throttle lets them."""

    per_second = Float(1000.0, help="permits a second, over all nodes")

    async def init(self) -> None:
        self.permits = await murmur.throttle("permits", rate=self.per_second, interval=1.0)

    async def start(self, user: murmur.User) -> None:
        while not user.leaving.is_set():
            await self.permits.wait()
            with user.timer("act"):
                pass


class Link:
    """A link between this namespace and another, packet by packet.

    Parameters
    ----------
    round_trip : float
        Seconds there and back.
    loss : float
        Share of the packets that is dropped, each way.
    """

    def __init__(self, round_trip: float, loss: float) -> None:
        self._delay, self._loss = round_trip / 2, loss
        self._ends = [_interface(NEAR), _interface(FAR)]
        for line in (
            f"netns add {SPACE}",
            f"link set {FAR} netns {SPACE}",
            f"addr add {HERE} peer {THERE} dev {NEAR}",
            f"link set {NEAR} up",
            f"-n {SPACE} addr add {THERE} peer {HERE} dev {FAR}",
            f"-n {SPACE} link set {FAR} up",
        ):
            subprocess.run(["ip", *line.split()], check=True)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def _carry(self) -> None:
        numbers, random_ = itertools.count(), random.Random(1)
        on_the_way: list[tuple[float, int, int, bytes]] = []
        while not self._is_over.is_set():
            left = on_the_way[0][0] - time.monotonic() if on_the_way else 0.05
            ready, _, _ = select.select(self._ends, [], [], min(max(left, 0.0), 0.05))
            for end in ready:
                packet, other = os.read(end, 65536), self._ends[end == self._ends[0]]
                if random_.random() >= self._loss:
                    due_at = time.monotonic() + self._delay
                    heapq.heappush(on_the_way, (due_at, next(numbers), other, packet))
            while on_the_way and on_the_way[0][0] <= time.monotonic():
                _, _, end, packet = heapq.heappop(on_the_way)
                with contextlib.suppress(OSError):
                    os.write(end, packet)

    def close(self) -> None:
        """Take it down."""
        self._is_over.set()
        self._thread.join()
        for end in self._ends:
            os.close(end)
        subprocess.run(["ip", "netns", "del", SPACE], check=False)


def _interface(name: str) -> int:
    """Return the descriptor of a new interface whose packets this process carries."""
    end = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH", name.encode(), TUN_WITHOUT_HEADER))
    return end


@contextlib.contextmanager
def nodes(session: murmur.Session, count: int) -> Iterator[None]:
    """Have so many nodes at the other end of the link."""
    ticket = session.open(host=HERE)
    command = ["ip", "netns", "exec", SPACE, sys.executable, "-m", "murmur.cluster"]
    started = []
    try:
        for number in range(count):
            process = subprocess.Popen([*command, f"far-{number}"], stdin=subprocess.PIPE)
            started.append(process)
            assert process.stdin is not None
            process.stdin.write(ticket.text.encode() + b"\n")
            process.stdin.close()
        session.wait_for_nodes(count)
        yield
    finally:
        session.close()  # they leave with it
        for process in started:
            process.kill()
            process.wait()


def measure(round_trip: float, loss: float, rate: float, seconds: float) -> str:
    """Return one row of the table."""
    link = Link(round_trip, loss)
    try:
        with murmur.Session() as session, nodes(session, 2):
            run = session.do(Paced, 40, user_rate=float("inf"), per_second=rate)
            time.sleep(3.0 + seconds)
            session.stop()
            run.wait(timeout=30)
            results = run.results
            errors = results.nodes["clock_error"].max()
    finally:
        link.close()
    permits = results.throttles.query("name == 'permits' and 3 <= window_at < 3 + @seconds")
    reached = permits["granted"].sum() / (rate * seconds)
    began = np.sort(results.actions["started_at"].to_numpy())
    fullest = (np.searchsorted(began, began + 1.0) - np.arange(len(began))).max() / rate
    return (
        f"| {round_trip * 1e3:.0f} ms | {loss:.0%} | {rate:,.0f} | {reached:.1%} | {fullest:.1%} "
        f"| {errors * 1e3:.1f} ms |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="measured, of each row")
    parser.add_argument("--rates", type=float, nargs="+", default=[100.0, 1000.0])
    given = parser.parse_args()
    write = sys.stdout.write
    write("| round trip | loss | rate per s | reached | fullest second | clock error |\n")
    write("|---|---|---|---|---|---|\n")
    for round_trip, loss in CASES:
        for rate in given.rates:
            write(measure(round_trip, loss, rate, given.seconds) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
