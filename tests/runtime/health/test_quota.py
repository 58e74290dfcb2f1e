"""A quota of processor time is found where Linux says that the process is, and outside of that."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from murmur.runtime.health import VitalsReader


@dataclass
class Machine:
    """A /proc, and the control groups of a machine."""

    folder: Path
    mounts: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)

    def mount(self, kind: str, options: str, root: str = "/") -> Path:
        """Return the folder of a hierarchy that is mounted."""
        place = self.folder / f"groups{len(self.mounts)}"
        self.mounts.append(
            f"3{len(self.mounts)} 23 0:28 {root} {place} rw - {kind} {kind} {options}"
        )
        return place

    def reader(self) -> VitalsReader:
        """Return who looks at a process that is in these groups."""
        for name, lines in (("cgroup", self.groups), ("mountinfo", self.mounts)):
            write(self.folder / "proc/self" / name, "\n".join(lines) + "\n")
        return VitalsReader(self.folder / "proc")


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_tightest_quota_of_all_groups_around_holds(machine: Machine) -> None:
    """One of a pod, and a wider one of the slice that it is in; its container has none."""
    groups = machine.mount("cgroup2", "rw")
    machine.groups.append("0::/slice/pod/container")
    write(groups / "slice/cpu.max", "300000 100000\n")
    write(groups / "slice/pod/cpu.max", "50000 100000\n")
    write(groups / "slice/pod/container/cpu.max", "max 100000\n")
    stat = "usage_usec 9\nnr_periods 40\nnr_throttled 7\nthrottled_usec {}\n"
    write(groups / "slice/pod/cpu.stat", stat.format(1_000_000))
    reader = machine.reader()
    write(groups / "slice/pod/cpu.stat", stat.format(1_250_000))
    vitals = reader.read()

    assert vitals.cpu_quota == 0.5
    assert vitals.cpu_held == pytest.approx(0.25)


def test_version_1_has_it_in_the_hierarchy_of_the_processor(machine: Machine) -> None:
    machine.mount("cgroup", "rw,memory")
    groups = machine.mount("cgroup", "rw,cpu,cpuacct")
    machine.groups += ["8:memory:/docker/a", "1:cpu,cpuacct:/docker/a", "0::/"]
    write(groups / "docker/a/cpu.cfs_quota_us", "150000\n")
    write(groups / "docker/a/cpu.cfs_period_us", "100000\n")
    write(groups / "docker/a/cpu.stat", "nr_periods 9\nnr_throttled 2\nthrottled_time 0\n")
    reader = machine.reader()
    write(groups / "docker/a/cpu.stat", "nr_periods 9\nnr_throttled 2\nthrottled_time 300000000\n")
    vitals = reader.read()

    assert vitals.cpu_quota == 1.5
    assert vitals.cpu_held == pytest.approx(0.3)


def test_inside_a_container_its_group_is_the_root_that_is_mounted(machine: Machine) -> None:
    groups = machine.mount("cgroup", "rw,cpu", root="/docker/a")
    machine.groups.append("1:cpu:/docker/a/b")
    write(groups / "cpu.cfs_quota_us", "20000\n")
    write(groups / "cpu.cfs_period_us", "100000\n")

    assert machine.reader().read().cpu_quota == 0.2


@pytest.mark.parametrize("path", ["/../elsewhere", "/", "nonsense"])
def test_a_group_that_is_not_to_be_seen_from_here_is_that_of_the_mount(
    machine: Machine, path: str
) -> None:
    groups = machine.mount("cgroup2", "rw")
    machine.groups.append(f"0::{path}")
    write(groups / "cpu.max", "25000 100000\n")

    assert machine.reader().read().cpu_quota == 0.25


@pytest.mark.parametrize("text", ["max 100000\n", "", "50000\n", "50000 0\n", "nonsense without\n"])
def test_without_a_quota_nothing_is_said_of_one(machine: Machine, text: str) -> None:
    groups = machine.mount("cgroup2", "rw")
    machine.groups.append("0::/")
    write(groups / "cpu.max", text)
    write(groups / "cpu.stat", "throttled_usec 5\n")
    vitals = machine.reader().read()

    assert math.isnan(vitals.cpu_quota)
    assert math.isnan(vitals.cpu_held)
