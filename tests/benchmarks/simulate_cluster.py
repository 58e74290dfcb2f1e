"""What a cluster costs the steering kernel: ``python -m tests.benchmarks.simulate_cluster``.

Three tables.  *Throttle*: real steering and node sides over scripted links in virtual time;
CPU is that of the steering side's own work for one second, without the transport.
*Telemetry*: chunks of one second from each node, as bytes, read and merged into the run's
record.  *Processes* (``--processes``): the same users on one real node process and on two, on
this machine, with the target in yet another; CPU is that of the nodes.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections.abc import Callable

from traitlets import Unicode

import murmur
from murmur._wire import decode, encode
from murmur.cluster import PARTS
from murmur.demo import Chat
from murmur.recording import RunRecord
from murmur.telemetry import Recorder
from murmur.testing import router_process, shop_process
from tests.throttles.shared.scripted_leases import Link, ScriptedCluster

NODES = (10, 100, 1000)
RATES = (100, 1000, 10_000, 100_000)
NAMES = ("login", "list", "read", "write", "logout")
ACTIONS = 200
"""Timed actions of a node in a second."""


class Measured(ScriptedCluster):
    """Counts the seconds that the steering side works."""

    spent = 0.0

    def heard(self, node: str, kind: str, body: bytes) -> None:
        """Hand on a message, and count."""
        if node in self.nodes:
            began = time.process_time()
            self.master.on_message(node, kind, body, self.now)
            self.spent += time.process_time() - began
            self.turn()

    def turn(self) -> None:
        """Do a turn, and count it without what the scripted nodes do."""
        began = time.process_time()
        messages = self.master.tick(self.now)
        due_at = self.master.due_at(self.now)
        self.spent += time.process_time() - began
        for name, kind, body in messages:
            if name in self.nodes:
                self.nodes[name].send_down(kind, body)
        self.see_to(due_at)


def throttle(nodes: int, rate: float, seconds: float) -> str:
    """Return what a saturated throttle costs: its line of the table."""
    cluster = Measured(seed=1)
    draw = random.Random(1)
    for number in range(nodes):
        link = Link(offset=draw.uniform(-100, 100), jitter=0.0005)
        node = cluster.join(f"n{number}", link, rate=rate, interval=1)
        node.think = lambda: 0.0005
        node.users(max(2, math.ceil(rate / nodes / 50)))
    cluster.run(2.0)
    cluster.spent, cluster.traffic.messages, cluster.traffic.size_bytes = 0.0, 0, 0
    since = cluster.now
    cluster.run(seconds)
    granted = sorted(at for at, _ in cluster.grants)
    reached = sum(at >= since for at in granted) / seconds / rate
    fullest = _fullest(granted) / rate
    return (
        f"{nodes:>5,} | {rate:>9,.0f} | {reached:7.2%} | {fullest:7.2%} | "
        f"{cluster.spent / seconds:6.2%} | {cluster.traffic.messages / seconds:>10,.0f} | "
        f"{cluster.traffic.size_bytes / seconds / 1e3:>8,.1f}"
    )


def telemetry(nodes: int, seconds: int) -> str:
    """Return what merging costs: its line of the table."""
    bodies = [_chunk(f"n{number}", second) for second in range(seconds) for number in range(nodes)]
    record = RunRecord("run", started_at=0.0, wall_started_at=0.0, seed=1)
    began, cpu = time.perf_counter(), time.process_time()
    for body in bodies:
        _, chunk = decode(body, PARTS)
        record.add(chunk)
    spent, took = time.process_time() - cpu, time.perf_counter() - began
    size_bytes = sum(map(len, bodies)) / seconds
    return (
        f"{nodes:>5,} | {nodes * ACTIONS:>9,} | {spent / seconds:7.2%} | "
        f"{1e3 * took / len(bodies):6.2f} | {size_bytes / 1e3:>9,.0f}"
    )


def processes(name: str, users: int, seconds: float) -> str:
    """Return what one and two node processes do with the same target: its line of the table."""
    with router_process(connections=users) as router, shop_process(latency=0.0) as shop:
        chat = {"port": router.port, "pace": 0.05, "messages": 10**6}
        cases = {"chat": (Chat, chat), "http": (Browse, {"url": shop.url})}
        scenario, how = cases[name]
        one, two = (_load(number, scenario, users, seconds, how) for number in (1, 2))
    return (
        f"{name:5} | {one[0]:>8,.0f} | {two[0]:>8,.0f} | {two[0] / one[0]:5.2f} | "
        f"{1e6 * one[1]:6.1f} | {1e6 * two[1]:6.1f}"
    )


class Browse(murmur.Scenario):
    """Users ask a shop for its list, one request after another."""

    url = Unicode("", help="where the shop is")

    async def start(self, user: murmur.User) -> None:
        """Ask until asked to leave."""
        while not user.leaving.is_set():
            await user.http.get(f"{self.url}/items", name="list")


def _load(
    nodes: int, scenario: type[murmur.Scenario], users: int, seconds: float, how: dict[str, object]
) -> tuple[float, float]:
    """Return actions per second and CPU seconds per action of so many nodes."""
    with murmur.Session() as session:
        session.spawn_nodes(nodes)
        run = session.do(scenario, users, user_rate=math.inf, **how)
        time.sleep(seconds + 2.0)
        session.stop()
        run.wait(timeout=30)
        actions, health = run.results.windows, run.results.health
    lit = (actions["window_at"] >= 1.0) & (actions["window_at"] < 1.0 + seconds)
    count = actions[lit]["count"].sum()
    lit = (health["window_at"] >= 1.0) & (health["window_at"] < 1.0 + seconds)
    return count / seconds, health[lit]["cpu"].sum() / count


def _chunk(node: str, second: int) -> bytes:
    """Return what a node measured in a second, as it travels."""
    now = float(second)
    recorder = Recorder(node=node, started_at=0.0, wall_started_at=0.0, now=lambda: now + 1.0)
    draw = random.Random(f"{node} {second}")
    for number in range(ACTIONS):
        at = now + number / ACTIONS
        end = at + draw.lognormvariate(-4, 0.5)
        recorder.action(NAMES[number % len(NAMES)], number % 50 + 1, at, at, end, None)
    recorder.population(now + 1.0, 0, 50, 0)
    return encode(["run", recorder.seal()], PARTS)


def _fullest(times: list[float]) -> int:
    most, start = 0, 0
    for end, at in enumerate(times):
        while times[start] < at - 1.0:
            start += 1
        most = max(most, end - start + 1)
    return most


def _table(head: str, rows: list[Callable[[], str]]) -> None:
    sys.stdout.write(head + "\n")
    for row in rows:
        sys.stdout.write(row() + "\n")
        sys.stdout.flush()
    sys.stdout.write("\n")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=3, help="of each case")
    parser.add_argument("--processes", action="store_true", help="start real node processes too")
    parser.add_argument("--users", type=int, default=200, help="of real node processes")
    chosen = parser.parse_args()
    seconds = chosen.seconds
    _table(
        "nodes |      rate | reached | fullest |    CPU | messages/s |     kB/s",
        [
            lambda nodes=nodes, rate=rate: throttle(nodes, rate, seconds)
            for nodes in NODES
            for rate in RATES
            if nodes < 1000 or rate < 100_000
        ],
    )
    _table(
        "nodes | actions/s |     CPU | ms each |      kB/s",
        [lambda nodes=nodes: telemetry(nodes, seconds) for nodes in NODES],
    )
    if chosen.processes:
        _table(
            "      | 1 node/s | 2 nodes/s | ratio | us each, 1 node | 2 nodes",
            [
                lambda name=name: processes(name, chosen.users, float(seconds))
                for name in ("chat", "http")
            ],
        )


if __name__ == "__main__":
    main()
