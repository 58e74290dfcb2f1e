"""Costs of a link by asyncio's TLS beside one by dask's.

Run it by ``python -m tests.by_hand.by_hand_transports``, on a quiet machine, with the extra
``dask``; about two minutes.  One process steers, another has the nodes; both are given the
same certificates and carry the same messages.  A *chunk* is 40 kB from a node (a second of
1,000 actions), a *lease* 200 bytes to a node and 60 back; each link has one on the way at a
time, which is the dearest way to carry them.  Figures are CPU of the steering process, that
of the nodes in brackets, the least of three.  The last ones are in
docs/explanation/cluster.md.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Any

import anyio

from murmur.cluster import Authority, Ticket

CHUNK, LEASE, USED = b"c" * 40_000, b"l" * 200, b"u" * 60
TRANSPORTS = ("asyncio", "dask")


def transport(name: str) -> tuple[Any, Any]:
    """Return the classes of the steering end and of the node's end."""
    if name == "asyncio":
        from murmur.cluster._tls import TlsNodeLink, TlsSteeringLink

        return TlsSteeringLink, TlsNodeLink
    from tests.by_hand.links_of_dask import DaskNodeLink, DaskSteeringLink

    return DaskSteeringLink, DaskNodeLink


def cpu() -> float:
    """Return seconds of CPU that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory() -> float:
    """Return the megabytes of this process that are its own."""
    with open("/proc/self/smaps_rollup", encoding="ascii") as file:
        lines = dict(line.split(":", 1) for line in file if ":" in line)
    return sum(int(lines[f"Private_{kind}"].split()[0]) for kind in ("Clean", "Dirty")) / 1024


class Steering:
    """The steering end: asks every node for `count` answers, one after the other."""

    def __init__(self) -> None:
        self.link: Any = None
        self.peers: list[int] = []
        self.changed = anyio.Event()
        self.left_to_ask: dict[int, int] = {}
        self.figures: dict[int, float] = {}

    def joined(self, peer: int, host: str, holder: object) -> None:
        self.peers.append(peer)
        self._change()

    def heard(self, peer: int, kind: str, body: bytes) -> None:
        if kind == "cpu":
            self.figures[peer] = float(body)
            self._change()
            return
        self.left_to_ask[peer] -= 1
        if self.left_to_ask[peer]:
            self.link.send(peer, self.kind, LEASE)
        elif not any(self.left_to_ask.values()):
            self._change()

    def left(self, peer: int, reason: str) -> None:
        self.peers.remove(peer)

    async def live(self) -> None:
        await anyio.sleep_forever()

    def _change(self) -> None:
        self.changed.set()
        self.changed = anyio.Event()

    async def nodes_cpu(self) -> float:
        self.figures.clear()
        self.link.send(self.peers[0], "cpu", b"")
        while not self.figures:
            await self.changed.wait()
        return next(iter(self.figures.values()))

    async def ask(self, kind: str, count: int) -> tuple[float, float]:
        """Return microseconds of CPU for one question and answer, here and there."""
        self.kind = kind
        self.left_to_ask = dict.fromkeys(self.peers, count)
        there, here = await self.nodes_cpu(), cpu()
        for peer in self.peers:
            self.link.send(peer, kind, LEASE)
        while any(self.left_to_ask.values()):
            await self.changed.wait()
        here, there = cpu() - here, await self.nodes_cpu() - there
        each = count * len(self.peers) / 1e6
        return here / each, there / each


class Node:
    """A node's end: answers."""

    def __init__(self, link: Any) -> None:
        self.link = link

    def company(self) -> list[tuple[str, bytes]]:
        return []

    def heard(self, kind: str, body: bytes) -> None:
        answers = {"chunk": CHUNK, "lease": USED}
        self.link.send(kind, answers[kind] if kind in answers else str(cpu()).encode())

    def left(self, reason: str) -> None:
        pass

    async def live(self) -> None:
        await anyio.sleep_forever()


async def be_nodes(name: str, ticket: Ticket, count: int) -> None:
    """Be so many nodes until the steering end closes."""
    _, link_class = transport(name)
    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            link = link_class(ticket)
            await tasks.start(link.serve, Node(link))


async def measure(name: str, count: int, rounds: int) -> dict[str, Any]:
    """Return the figures of so many links."""
    link_class, _ = transport(name)
    authority, steering = Authority(), Steering()
    steering.link = link = link_class(authority.context(), "127.0.0.1", 0)
    async with anyio.create_task_group() as tasks:
        address = await tasks.start(link.serve, steering)
        before = memory()
        words = [sys.executable, "-m", "tests.by_hand.by_hand_transports", "--node", name]
        nodes = subprocess.Popen([*words, str(count)], stdin=subprocess.PIPE)  # noqa: ASYNC220
        assert nodes.stdin is not None
        nodes.stdin.write(authority.ticket(address, 600).text.encode() + b"\n")
        nodes.stdin.flush()
        try:
            with anyio.fail_after(60):
                while len(steering.peers) < count:
                    await steering.changed.wait()
            await anyio.sleep(0.5)
            per_link = (memory() - before) * 1024 / count
            await steering.ask("lease", 10)
            each = {kind: await steering.ask(kind, rounds // count) for kind in ("chunk", "lease")}
        finally:
            nodes.kill()
            nodes.wait()
            tasks.cancel_scope.cancel()
    return {"kB": per_link, **each}


def start(name: str) -> dict[str, float]:
    """Return what it takes to import a transport, in this process, which has done nothing else."""
    began, before = time.perf_counter(), memory()
    transport(name)
    from murmur.cluster import serve_node as _  # noqa: F401 - what a node needs anyway

    return {"seconds": time.perf_counter() - began, "MB": memory() - before}


def write(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Print the table, or be what the table is made of."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4800, help="chunks, and leases, of each row")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--node", nargs=2)
    parser.add_argument("--start")
    given = parser.parse_args()
    if given.node:
        ticket = Ticket.read(sys.stdin.readline())
        anyio.run(be_nodes, given.node[0], ticket, int(given.node[1]))
        return
    if given.start:
        write(json.dumps(start(given.start)))
        return
    write("| links | transport | chunk, us | lease, us | kB a link |\n|---|---|---|---|---|")
    for count in (1, 8, 48):
        rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TRANSPORTS}
        for _ in range(given.repeat):
            for name in TRANSPORTS:
                rows[name].append(anyio.run(measure, name, count, given.rounds))
        for name, runs in rows.items():
            best = {
                kind: [min(run[kind][end] for run in runs) for end in (0, 1)]
                for kind in ("chunk", "lease")
            }
            cells = [f"{here:.0f} ({there:.0f})" for here, there in best.values()]
            kept = sorted(run["kB"] for run in runs)[len(runs) // 2]
            write(f"| {count} | {name} | {cells[0]} | {cells[1]} | {kept:.0f} |")
    write("\n| transport | import, s | memory, MB |\n|---|---|---|")
    for name in TRANSPORTS:
        words = [sys.executable, "-m", "tests.by_hand.by_hand_transports", "--start", name]
        starts = [json.loads(subprocess.check_output(words)) for _ in range(given.repeat)]
        least = min(starts, key=lambda each: each["seconds"])
        write(f"| {name} | {least['seconds']:.2f} | {least['MB']:.0f} |")


if __name__ == "__main__":
    main()
