"""Vitals of this process and its machine, as cheaply as the operating system tells them.

Each look reads a handful of small files of Linux's ``/proc`` (0.1 ms together), and a large
one only in a thread.  Elsewhere, and where a file cannot be read, what is not known is NaN
and nothing fails.

References
----------
proc(5): the files; "number of open files" as the size of ``/proc/self/fd`` since Linux 6.2.
Documentation/scheduler/sched-stats.rst of Linux: ``schedstat``, "time spent waiting on a
runqueue".
"""

from __future__ import annotations

import gc
import math
import os
import resource
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter

from ._files import beginning, number
from ._quota import Quota

NAN = math.nan

NEARLY_ALL = 0.95
"""Share of open files, or of ports, from which on there are too few."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """How a process and its machine fare; NaN for what is not known."""

    # bytes of memory that the process holds; its peak where the system tells no more
    rss: float = NAN
    machine_cpu: float = NAN  # share of the machine's cores that were busy since the look before
    # cpu_quota, cpu_held: cores that a quota of processor time allows, and for how many seconds,
    # over all cores, it held threads back since the look before; NaN if there is none
    cpu_quota: float = NAN
    cpu_held: float = NAN
    # open_files, open_files_limit: files and sockets that the process has open, and may have
    open_files: float = NAN
    open_files_limit: float = NAN
    # ports, ports_limit: local ports that connections hold or that wait after one, and how many
    # there are.  If there are nearly as many sockets, those from one address to one server, which
    # are what can run out.
    ports: float = NAN
    ports_limit: float = NAN


class VitalsReader:
    """Looks at the process from time to time."""

    def __init__(
        self,
        proc: Path = Path("/proc"),  # where Linux tells; a test has its own
        descriptors: Path = Path("/dev/fd"),  # where other systems list what a process has open
    ) -> None:
        self._proc = proc
        self._before = (NAN, NAN)
        self._quota = Quota(proc)
        self._held_before = NAN
        self._first_port, self._last_port = self._port_range()
        self._to_one_server = NAN
        self._folder = next(filter(os.path.isdir, (proc / "self/fd", descriptors)), None)
        self._has_number = self._size_is_number()
        self.read()  # the share of busy cores is one since the look before

    def read(self) -> Vitals:
        """Return how things are now."""
        open_files = self._open_files()
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        quota, held = self._quota.cores(), self._held()
        return Vitals(
            rss=self._resident_bytes(),
            machine_cpu=self._busy_share(),
            cpu_quota=quota,
            cpu_held=NAN if math.isnan(quota) else held,
            open_files=open_files,
            open_files_limit=NAN if limit == resource.RLIM_INFINITY else limit,
            ports=self._ports(open_files),
            ports_limit=self._last_port - self._first_port + 1,
        )

    def _resident_bytes(self) -> float:
        words = self._words("self/statm")
        if len(words) < 2 or not words[1].isdecimal():
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            return float(peak if sys.platform == "darwin" else peak * 1024)
        return number(words[1]) * resource.getpagesize()

    def _busy_share(self) -> float:
        """Return the share of time, over all cores, that was not idle."""
        words = self._words("stat")[1:9]  # user nice system idle iowait irq softirq steal
        if len(words) < 8:
            return NAN
        ticks = list(map(number, words))
        total, idle = sum(ticks), ticks[3] + ticks[4]
        (total_before, idle_before), self._before = self._before, (total, idle)
        passed = total - total_before
        return 1 - (idle - idle_before) / passed if passed > 0 else NAN

    def _held(self) -> float:
        """Return for how long the quota held threads back since the look before."""
        before, self._held_before = self._held_before, self._quota.held()
        return self._held_before - before

    def _open_files(self) -> float:
        if self._folder is None:
            return NAN
        try:
            if self._has_number:  # a walk takes 1 ms for 10,000
                return float(os.stat(self._folder).st_size)
            return float(len(os.listdir(self._folder)) - 1)  # the walk itself opens one
        except OSError:
            return NAN

    def _size_is_number(self) -> bool:
        """Return whether the folder's size is the number of files, as it is on some kernels."""
        if self._folder is None:
            return False
        try:
            return os.stat(self._folder).st_size == len(os.listdir(self._folder)) - 1
        except OSError:
            return False

    def has_many_sockets(self) -> bool:
        """Return whether there are nearly as many sockets as ports, and `count_ports` is due."""
        limit = self._last_port - self._first_port + 1
        has_many = self._ports_and_waiting(self._open_files()) >= NEARLY_ALL * limit
        self._to_one_server = self._to_one_server if has_many else NAN
        return has_many

    def count_ports(self) -> None:
        """Count how many ports lead from one address to one server, at most; takes 0.1 s.

        Only these can run out: a port may serve many addresses and many servers at a time.
        """
        routes: Counter[bytes] = Counter()
        for name in ("net/tcp", "net/tcp6"):
            with suppress(OSError), open(self._proc / name, "rb") as file:
                for line in islice(file, 1, None):
                    _, local, remote, _ = line.split(None, 3)
                    address, _, port = local.rpartition(b":")
                    if self._first_port <= int(port, 16) <= self._last_port:
                        routes[address + remote] += 1
        self._to_one_server = max(routes.values(), default=NAN)

    def _ports(self, open_files: float) -> float:
        known = self._to_one_server
        return self._ports_and_waiting(open_files) if math.isnan(known) else known

    def _ports_and_waiting(self, open_files: float) -> float:
        """Return sockets in use, at most those of this process, and those in TIME_WAIT.

        The system counts the sockets of all processes, the target's among them if it is on
        this machine; those that wait after a connection belong to nobody.
        """
        counts = self._sockets("net/sockstat").get("TCP")
        if counts is None:
            return NAN
        more = self._sockets("net/sockstat6").get("TCP6", {})
        in_use = counts.get("inuse", NAN) + more.get("inuse", 0.0)
        ours = in_use if math.isnan(open_files) else min(in_use, open_files)
        return ours + counts.get("tw", 0.0)

    def _sockets(self, name: str) -> dict[str, dict[str, float]]:
        """Return the numbers of each line, by the protocol that it begins with.

        Each line has names of its own, and several have an ``inuse``.
        """
        counts = {}
        for line in self._text(name).splitlines():
            protocol, _, rest = line.partition(":")
            fields = rest.split()
            counts[protocol] = dict(zip(fields[::2], map(number, fields[1::2]), strict=False))
        return counts

    def _port_range(self) -> tuple[float, float]:
        """Return the first and the last port that connections are given."""
        words = self._words("sys/net/ipv4/ip_local_port_range")
        return (number(words[0]), number(words[1])) if len(words) == 2 else (NAN, NAN)

    def _words(self, name: str) -> list[str]:
        """Return the words of a file; none if it cannot be read."""
        return self._text(name).split()

    def _text(self, name: str) -> str:
        return beginning(self._proc / name)


class CoreWait:
    """For how long the thread that makes this could have run and no core was free.

    Any thread may ask.
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._folder = (proc / "thread-self").resolve()  # which is another for each that looks
        self._ran = NAN
        self._ran_until = NAN

    def seconds(self, now: float) -> float:
        """Return the time since the thread began; NaN if it cannot be known.

        Linux adds a wait when it is over.  One that lasts shows in a thread that could run and
        has not run since an earlier look: it counts from there.
        """
        words = beginning(self._folder / "schedstat").split()
        ran, waited = map(number, words[:2]) if len(words) == 3 else (NAN, NAN)
        if ran != self._ran or not self._is_runnable():
            self._ran, self._ran_until = ran, now
        return waited / 1e9 + (now - self._ran_until)

    def _is_runnable(self) -> bool:
        # proc(5): the state follows the name, which is in parentheses and may hold anything.
        return beginning(self._folder / "stat").rpartition(")")[2][:2] == " R"


class Pauses:
    """Garbage collections since the last look; costs 0.2 us for each while it watches."""

    def __init__(self) -> None:
        self._pauses = 0
        self._longest = 0.0
        self._began = 0.0

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Count while the block runs."""
        gc.callbacks.append(self._note)
        try:
            yield
        finally:
            gc.callbacks.remove(self._note)

    def take(self) -> tuple[int, float]:
        """Return how many there were and the longest in seconds, and start anew."""
        taken = self._pauses, self._longest
        self._pauses, self._longest = 0, 0.0
        return taken

    def _note(self, phase: str, info: Mapping[str, int]) -> None:
        if phase == "start":
            self._began = perf_counter()
            return
        self._pauses += 1
        self._longest = max(self._longest, perf_counter() - self._began)
