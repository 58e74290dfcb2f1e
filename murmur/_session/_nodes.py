"""The nodes of a session: letting them in, starting them, looking at them."""

from __future__ import annotations

import contextlib
import math
import os
import platform
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from time import monotonic, sleep
from typing import TYPE_CHECKING

from murmur._backend import thread_lock
from murmur._given import needed
from murmur._table import html_table, text_lines
from murmur.cluster import JOIN, NodeOverview
from murmur.errors import (
    ClusterError,
    JoinError,
    MurmurError,
    SessionClosedError,
    UnknownNameError,
    WaitTimeoutError,
    few,
)

from ._named import Named

if TYPE_CHECKING:
    from murmur.cluster import Answers, Deployment, Opening, Service, Ticket

    from ._host import Host

LOOPBACK = "127.0.0.1"
"""Where a session listens that is not told where, and wherever else it does."""

LIFETIME = 86_400.0
"""Seconds for which a ticket is good: a day."""

LONGEST = 365 * LIFETIME
"""Seconds for which the ticket of a deployment is good: its workers come when they are needed."""

MOST_SPAWNED = 1_024
"""Node processes of one machine: more of them only take each other's memory."""

NODES_WITHIN = 60.0
"""Seconds that a run waits for nodes it was told to wait for."""

GLANCE = 0.02
"""Seconds between two looks at which nodes there are."""

GOODBYE = 5.0
"""Seconds that a spawned node has to end after its session, before it is killed."""


class Entrance:
    """The place where nodes come into a session, and the processes it started itself."""

    service: Service  # what guests may ask for; set by whoever has the session

    def __init__(self, host: Host) -> None:
        self._host = host
        self._opening: Opening | None = None
        self._where = ("", 0)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._numbers = count(1)  # of node processes
        self._opening_one = thread_lock()  # from two threads at once it is one, with two tickets
        self._deployments: list[Deployment] = []
        self._tickets: dict[str, bool] = {}  # whether those of that name were revoked

    def open(
        self,
        host: str,
        port: int,
        lifetime: float,
        seen_as: str | None,
        *,
        name: str | None = None,
        rights: tuple[str, ...] = (JOIN,),
    ) -> Ticket:
        """Listen, unless that is so already, and return a new ticket."""
        from murmur.cluster import Opening

        Opening.check(host, port, lifetime)
        is_name = seen_as is None or isinstance(seen_as, str)
        needed(is_name, "seen_as", seen_as, "give a name or an address, such as '10.0.0.1'")
        with self._opening_one:
            name = self._ticket_name(name)
            opening = self._opening or self._listen(host, port)
            if host not in (LOOPBACK, self._where[0]) or port not in (0, self._where[1]):
                raise ClusterError(
                    f"this session listens at {':'.join(map(str, self._where))} already, and not "
                    f"at {host}:{port or '*'}; open it there first, before spawn_nodes and use"
                )
            self._tickets[name] = False
        return opening.ticket(lifetime, seen_as, name=name, rights=rights)

    def _listen(self, host: str, port: int) -> Opening:
        """Begin to listen there."""
        from murmur.cluster import Opening

        authority = Opening.prepare()  # here: users wait for nothing that is imported
        opening: Opening = self._host.ask("open", self._open, Opening.at, host, port, authority)
        self._opening, self._where = opening, (host, opening.port)
        return opening

    def revoke(self, name: str) -> None:
        """Let nobody in by tickets of a name any more, and send away who is in."""
        needed(isinstance(name, str), "name", name, "give the name of a ticket")
        opening = self._opening
        if opening is None or name not in self._tickets:
            raise UnknownNameError("ticket", [name], self._tickets)
        self._tickets[name] = True

        async def revoke() -> None:
            opening.members.revoke(name)

        self._host.ask("revoke", revoke)

    def _ticket_name(self, given: object) -> str:
        """Return what a ticket is called, or refuse a name that is none or was revoked."""
        if given is None:
            return f"ticket-{len(self._tickets) + 1}"
        if not isinstance(given, str) or not given.isascii() or not 0 < len(given) <= 60:
            raise ClusterError(f"a ticket cannot be called {given!r}: give a short name in ASCII")
        if self._tickets.get(given):
            raise ClusterError(f"tickets called {given!r} were revoked; give another name")
        return given

    def spawn(self, number: object, patience: float) -> list[str]:
        """Start node processes here and return their names once all have joined.

        If not all do, those that were started are gone again.
        """
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise ClusterError(f"cannot spawn {number!r} nodes: give a whole number from 0")
        if number > MOST_SPAWNED:
            remedy = f"one machine takes {MOST_SPAWNED:,} at most; others can join with a ticket"
            raise ClusterError(f"cannot spawn {number:,} nodes: {remedy}")
        ticket = self.open(LOOPBACK, 0, LIFETIME, LOOPBACK)
        started: list[subprocess.Popen[bytes]] = []
        try:
            numbers = islice(self._numbers, number)
            started.extend(_start(ticket, f"spawned-{each}") for each in numbers)
            names = self._wait_in(started, ticket, monotonic() + patience)
        except BaseException:
            self._forget(started)
            raise
        self._processes += started
        return names

    def use(self, given: object, *, seen_as: str | None, plain: bool) -> Deployment:
        """Make the workers of a dask deployment nodes; return once those there are."""
        from murmur.cluster import Deployment

        deployment = Deployment(given, self._note_released)
        self._deployments.append(deployment)
        try:
            if not plain:
                deployment.check_links()
            host = self._where[0] if self._opening is not None else deployment.host
            ticket = self.open(host, 0, LONGEST, seen_as)
            self._host.cluster_here.roster.supplies.append(deployment)
            deployment.take(ticket)
        except BaseException:
            deployment.release()
            raise
        return deployment

    def _note_released(self, deployment: Deployment) -> None:
        """Forget a deployment whose workers are given back."""
        self._deployments.remove(deployment)
        cluster = self._host.present
        if cluster is not None and deployment in cluster.roster.supplies:
            cluster.roster.supplies.remove(deployment)

    def wait_for(self, number: object, patience: float) -> list[str]:
        """Block until there are so many nodes; return their names."""
        return wait_for(number, self._others, patience)

    def awaited(self, nodes: Sequence[str] | int | None) -> Sequence[str] | None:
        """Return the names of nodes that were given, or wait for so many and return None."""
        if nodes is None or not isinstance(nodes, int):
            return nodes
        self.wait_for(nodes, NODES_WITHIN)
        return None

    def _others(self) -> list[str]:
        """Return the names of the nodes but that of this process, sorted."""
        cluster = self._host.present
        if self._host.is_closed:
            raise SessionClosedError
        return [] if cluster is None else cluster.roster.others

    def _forget(self, started: Sequence[subprocess.Popen[bytes]]) -> None:
        """End processes at once, and see those that are nodes be nodes no more."""
        for process in started:
            process.kill()
        deadline = monotonic() + GOODBYE
        for process in started:
            process.wait()
        while self._names(process.pid for process in started) and monotonic() < deadline:
            sleep(0.02)

    def _wait_in(
        self, started: Sequence[subprocess.Popen[bytes]], ticket: Ticket, deadline: float
    ) -> list[str]:
        """Return the names that the processes have as nodes, once all of them are nodes."""
        while len(names := self._names(process.pid for process in started)) < len(started):
            dead = [process for process in started if process.poll() is not None]
            if dead or monotonic() > deadline:
                reason = f"{len(started) - len(names)} of {len(started)} processes did not come in"
                raise JoinError(ticket.address, f"{reason}; see what they wrote to stderr")
            sleep(0.02)
        return names

    def expel(self, name: str) -> None:
        """Send a node away."""
        opening = self._opening
        if opening is None:
            raise UnknownNameError("node", [name], [])

        async def expel() -> None:
            opening.members.expel(name)

        self._host.ask("expel", expel)

    def close(self) -> None:
        """Let all nodes go, close the port, and see the spawned processes end."""
        while self._deployments:
            self._deployments[-1].release()
        opening, self._opening = self._opening, None
        if opening is not None and not self._host.is_closed:
            with contextlib.suppress(MurmurError):  # the processes are seen to below
                self._host.ask("close", opening.close, patience=30.0)
        deadline = monotonic() + GOODBYE
        for process in self._processes:
            try:
                process.wait(max(0.0, deadline - monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes = []

    async def _open(self, at: Callable[..., Awaitable[Opening]], *args: object) -> Opening:
        return await at(self._host.cluster_here, *args, self.service)

    def _names(self, pids: Iterable[int]) -> list[str]:
        """Return what those processes of this host that joined are called, sorted."""
        cluster, here, wanted = self._host.present, platform.node(), set(pids)
        nodes = [] if cluster is None else list(cluster.roster.nodes.values())
        return sorted(
            node.name for node in nodes if node.facts.host == here and node.facts.pid in wanted
        )


def _start(ticket: Ticket, name: str) -> subprocess.Popen[bytes]:
    paths = [os.path.abspath(path or ".") for path in sys.path]
    process = subprocess.Popen(
        [sys.executable, "-m", "murmur.cluster", name],
        stdin=subprocess.PIPE,
        stdout=2,  # what users print there must not get into what this process writes
        env={**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))},
        start_new_session=True,  # an interrupt of the cell is not for it
    )
    assert process.stdin is not None
    with process.stdin as pipe:
        pipe.write(ticket.text.encode() + b"\n")
    return process


def wait_for(number: object, others: Callable[[], list[str]], patience: float) -> list[str]:
    """Block until `others` names so many nodes; return their names."""
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise ClusterError(f"cannot wait for {number!r} nodes: give a whole number from 0")
    deadline = monotonic() + patience
    while len(names := others()) < number:
        if monotonic() > deadline:
            raise WaitTimeoutError(
                f"{len(names)} of {number} nodes ({few(names) or 'none'}) came in",
                patience,
                "start more with spawn_nodes(n), a ticket of open(), or use(cluster)",
            )
        sleep(GLANCE)
    return names


class Nodes(Named[str, NodeOverview]):
    """The nodes that users of a session go to, by name, as they are at this moment."""

    def __init__(
        self, overview: Callable[[], Mapping[str, NodeOverview]], answers: Answers[object] | None
    ) -> None:
        self._overview = overview
        self.answers = answers  # what each node said to the last verb: ok, error or skipped

    def __getitem__(self, name: str) -> NodeOverview:
        """Return what there is to know about a node; UnknownNameError if there is none."""
        needed(isinstance(name, str), "name", name, "give the name of a node, a text")
        known = self._overview()
        if name not in known:
            raise UnknownNameError("node", [name], known)
        return known[name]

    def _all(self) -> Mapping[str, NodeOverview]:
        return self._overview()

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self._overview())

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._overview())

    def __repr__(self) -> str:
        """Return a line for each, below their titles."""
        return "\n".join(text_lines([_COLUMNS, *_rows(self._overview())]))

    def _repr_html_(self) -> str:
        """Return a table."""
        return html_table(_COLUMNS, _rows(self._overview()))


_COLUMNS = ("node", "state", "waiting", "running", "leaving", "gone", "where", "clock", "problems")


def _clock(node: NodeOverview) -> str:
    if math.isinf(node.clock_error):
        return "not yet known"
    return f"{node.clock_offset * 1e3:+,.2f} ± {node.clock_error * 1e3:.2f} ms"


def _rows(known: Mapping[str, NodeOverview]) -> list[list[str]]:
    return [
        [
            node.name,
            node.state.value,
            *(f"{node.users[state]:,}" for state in ("waiting", "running", "leaving")),
            f"{node.users['gone']:,}" + f" ({node.lost:,} lost)" * bool(node.lost),
            f"{node.host}, process {node.pid}",
            _clock(node),
            "; ".join(node.problems),
        ]
        for node in known.values()
    ]
