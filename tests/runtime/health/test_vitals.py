"""What Linux tells of a process is read from files; where there are none, nothing fails."""

from __future__ import annotations

import math
import socket
from dataclasses import asdict
from pathlib import Path

import pytest

from murmur.runtime.health._vitals import VitalsReader


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Return a /proc of 100 resident pages, three open files and eleven sockets."""
    for folder in ("self/fd", "net", "sys/net/ipv4"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "self/statm").write_text("500 100 20 1 0 30 0\n")
    (tmp_path / "stat").write_text("cpu 100 0 100 700 100 0 0 0 0 0\ncpu0 1 2\n")
    (tmp_path / "net/sockstat").write_text(
        "sockets: used 20\nTCP: inuse 8 orphan 0 tw 40 alloc 9 mem 1\nUDP: inuse 1 mem 0\n"
    )
    (tmp_path / "net/sockstat6").write_text("TCP6: inuse 3\nUDP6: inuse 0\n")
    (tmp_path / "sys/net/ipv4/ip_local_port_range").write_text("32768\t60999\n")
    return tmp_path


def test_numbers_are_those_of_the_files(proc: Path) -> None:
    reader = VitalsReader(proc)
    (proc / "stat").write_text("cpu 130 0 110 750 110 0 0 0 0 0\n")  # 100 ticks, 60 idle
    vitals = reader.read()

    assert vitals.rss % 100 == 0
    assert vitals.rss / 100 in (4096, 16384, 65536)  # bytes of a page
    assert vitals.machine_cpu == pytest.approx(0.4)
    assert vitals.ports_limit == 28_232
    assert vitals.ports == min(11, vitals.open_files) + 40


def test_where_there_is_no_proc_only_what_python_knows_is_known(tmp_path: Path) -> None:
    vitals = VitalsReader(tmp_path / "nowhere").read()

    assert vitals.rss > 1e6
    unknown = {name for name, value in asdict(vitals).items() if math.isnan(value)}
    assert {"machine_cpu", "open_files", "ports", "ports_limit"} <= unknown


@pytest.mark.parametrize("text", ["", "cpu\n", "nonsense without numbers\n"])
def test_files_in_another_format_tell_nothing(proc: Path, text: str) -> None:
    for name in ("self/statm", "stat", "net/sockstat", "net/sockstat6"):
        (proc / name).write_text(text)
    (proc / "sys/net/ipv4/ip_local_port_range").write_text(text)
    vitals = VitalsReader(proc).read()

    assert vitals.rss > 1e6
    assert math.isnan(vitals.machine_cpu)
    assert math.isnan(vitals.ports)


def test_a_socket_that_is_opened_is_an_open_file() -> None:
    reader = VitalsReader()
    before = reader.read().open_files
    with socket.socket(), socket.socket():
        after = reader.read().open_files

    assert after - before == 2
