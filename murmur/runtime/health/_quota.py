"""Quota of processor time that a container or a service has, and how long it held threads back.

Linux gives a quota to a *control group*, as Docker's ``--cpus``, ``resources.limits.cpu`` of
Kubernetes and ``CPUQuota`` of systemd do; it holds for all groups inside as well.  A group that
used up its quota stands still until the next period, 0.1 s as a rule, however idle the machine.

References
----------
Documentation/scheduler/sched-bwc.rst of Linux: quota, period, and what ``cpu.stat`` counts;
admin-guide/cgroup-v2.rst: ``cpu.max``; cgroups(7) and proc(5): ``cgroup``, ``mountinfo``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ._files import beginning, number

_HELD = {"throttled_usec": 1e-6, "throttled_time": 1e-9}
"""Counters of `cpu.stat`, of version 2 and 1 of control groups, and the seconds of one count."""


class Quota:
    """Looks at the control groups that this process was in when it was made."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._groups = tuple(_groups(proc))

    def cores(self) -> float:
        """Return how many cores the tightest quota allows; NaN if there is none."""
        quotas = [quota for group in self._groups if not math.isnan(quota := _cores(group))]
        return min(quotas, default=math.nan)

    def held(self) -> float:
        """Return for how many seconds quotas have held threads back so far, over all cores."""
        return sum(_held(group) for group in self._groups)


def _cores(group: Path) -> float:
    words = beginning(group / "cpu.max").split()
    if not words:
        files = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        words = [beginning(group / name).strip() for name in files]
    # "max", and -1 in version 1, are no quota; neither is a number here.
    quota, period = map(number, words) if len(words) == 2 else (math.nan, math.nan)
    return quota / period if period else math.nan


def _held(group: Path) -> float:
    lines = (line.split() for line in beginning(group / "cpu.stat").splitlines())
    counts = [_HELD[line[0]] * number(line[1]) for line in lines if line and line[0] in _HELD]
    return sum(count for count in counts if not math.isnan(count))


def _groups(proc: Path) -> Iterator[Path]:
    """Yield the folder of each group that this process is in, the outermost last."""
    mounts = list(_mounts(proc))
    for line in beginning(proc / "self/cgroup").splitlines():
        hierarchy, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if hierarchy != "0" and "cpu" not in controllers.split(","):
            continue
        for kind, root, folder in mounts:
            if (hierarchy == "0") == (kind == "cgroup2"):
                # What lies outside of a container's own root is not to be seen from inside.
                inside = PurePosixPath(path)
                parts = inside.relative_to(root) if inside.is_relative_to(root) else Path()
                group = folder / parts
                yield group
                yield from (each for each in group.parents if each.is_relative_to(folder))


def _mounts(proc: Path) -> Iterator[tuple[str, str, Path]]:
    """Yield kind, root and folder of each hierarchy of groups that may have a quota."""
    for line in beginning(proc / "self/mountinfo", 1 << 20).splitlines():
        mount, _, source = line.partition(" - ")
        words, kind = mount.split(), source.split()
        if len(words) < 6 or len(kind) < 3 or kind[0] not in ("cgroup", "cgroup2"):
            continue
        if kind[0] == "cgroup2" or "cpu" in kind[2].split(","):
            yield kind[0], words[3], Path(words[4])
