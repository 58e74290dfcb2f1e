"""What Linux tells of a process is read from files; where there are none, nothing fails."""

from __future__ import annotations

import math
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest

from murmur.runtime.health import CoreWait, VitalsReader

# Whole files of a virtual machine with two cores, Linux 6.18; `tw` and `TCP6: inuse` were 0.
STAT = """\
cpu  50782 13527 5123 227169 511 0 289 484 0 0
cpu0 25435 6969 2251 113582 322 0 117 284 0 0
cpu1 25346 6557 2871 113587 189 0 171 199 0 0
intr 2713387 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 26 60093 5 0 1 0 0 62 0 63 0 1
ctxt 4218937
btime 1795913765
processes 22034
procs_running 6
procs_blocked 0
softirq 1243387 0 279561 1 70215 0 0 19 387209 60 506322
"""
SOCKSTAT = """\
sockets: used 118
TCP: inuse 61 orphan 0 tw 40 alloc 64 mem 3
UDP: inuse 2 mem 1
UDPLITE: inuse 0
RAW: inuse 0
FRAG: inuse 0 memory 0
"""
SOCKSTAT6 = """\
TCP6: inuse 4
UDP6: inuse 1
UDPLITE6: inuse 0
RAW6: inuse 0
FRAG6: inuse 0 memory 0
"""
TCP_TITLES = "  sl  local_address rem_address   st tx_queue rx_queue"
FILES = {
    "self/statm": "23914 10240 4313 725 0 12107 0\n",
    "stat": STAT,
    "net/sockstat": SOCKSTAT,
    "net/sockstat6": SOCKSTAT6,
    "sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
    "thread-self/schedstat": "81264150 50000000 305\n",
}


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Return a /proc of these files, with a hundred files open."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "self/fd").mkdir()
    for number in range(101):  # one more is that of whoever reads the folder
        (tmp_path / "self/fd" / str(number)).symlink_to(os.devnull)
    return tmp_path


def unknown(reader: VitalsReader) -> set[str]:
    return {name for name, value in asdict(reader.read()).items() if math.isnan(value)}


def test_numbers_are_those_of_the_files(proc: Path) -> None:
    reader = VitalsReader(proc)
    # 100 ticks later, 60 of them idle or waiting for a disk.
    (proc / "stat").write_text(STAT.replace("50782", "50822").replace("227169", "227229"))
    vitals = reader.read()

    assert vitals.rss / 10240 in (4096, 16384, 65536)  # bytes of a page
    assert vitals.machine_cpu == pytest.approx(0.4)
    assert vitals.open_files == 100
    assert vitals.ports_limit == 28_232
    assert vitals.ports == 61 + 4 + 40


def test_sockets_of_other_programs_are_not_counted_beyond_what_this_one_has_open(
    proc: Path,
) -> None:
    (proc / "net/sockstat").write_text(SOCKSTAT.replace("inuse 61", "inuse 5000"))

    assert VitalsReader(proc).read().ports == 100 + 40


def test_ports_to_many_servers_or_from_many_addresses_do_not_run_out(proc: Path) -> None:
    """Eight addresses with 4,000 ports each, and a server of its own on the same machine."""
    (proc / "net/sockstat").write_text(SOCKSTAT.replace("tw 40", "tw 32000"))
    ours = [
        f"0{number % 8}01007F:{40_000 + number // 8:04X} 0100007F:1F90" for number in range(32_000)
    ]
    theirs = [f"0100007F:1F90 0{number % 8}01007F:9C40" for number in range(99)]
    lines = [f"   0: {addresses} 06 00000000:00000000" for addresses in (*ours, *theirs)]
    (proc / "net/tcp").write_text("\n".join([TCP_TITLES, *lines]) + "\n")
    reader = VitalsReader(proc)

    assert reader.has_many_sockets()
    reader.count_ports()
    assert reader.read().ports == 4_000
    (proc / "net/sockstat").write_text(SOCKSTAT)
    assert not reader.has_many_sockets()
    assert reader.read().ports == 61 + 4 + 40


def test_a_machine_without_the_newer_protocol_has_its_ports_counted(proc: Path) -> None:
    (proc / "net/sockstat6").unlink()

    assert VitalsReader(proc).read().ports == 61 + 40


def test_the_time_in_the_queue_for_a_core_is_that_of_the_thread_that_made_it(
    proc: Path, tmp_path: Path
) -> None:
    assert CoreWait(proc).seconds(1.0) == pytest.approx(0.05)
    assert math.isnan(CoreWait(tmp_path / "nowhere").seconds(1.0))

    here = CoreWait()
    with ThreadPoolExecutor(1) as other:
        told = other.submit(here.seconds, 1.0).result()
    assert told <= here.seconds(1.0) < told + 30.0


@pytest.mark.parametrize(("state", "waits"), [("R", 0.05 + 2.0), ("S", 0.05)])
def test_a_wait_for_a_core_counts_while_it_lasts_and_a_sleep_does_not(
    proc: Path, state: str, waits: float
) -> None:
    (proc / "thread-self/stat").write_text(f"17 (a) S (b) {state} 1 17 17 0 -1\n")
    wait = CoreWait(proc)
    wait.seconds(1.0)

    assert wait.seconds(3.0) == pytest.approx(waits)
    (proc / "thread-self/schedstat").write_text("81364150 60000000 306\n")
    assert wait.seconds(4.0) == pytest.approx(0.06)


def test_where_there_is_no_proc_only_what_python_knows_is_known(tmp_path: Path) -> None:
    reader = VitalsReader(tmp_path / "nowhere", tmp_path / "nowhere either")

    assert reader.read().rss > 1e6
    assert {"machine_cpu", "open_files", "ports", "ports_limit"} <= unknown(reader)


def test_where_there_is_no_proc_open_files_are_in_another_folder(
    tmp_path: Path, proc: Path
) -> None:
    reader = VitalsReader(tmp_path / "nowhere", proc / "self/fd")

    assert reader.read().open_files == 100
    assert "ports" in unknown(reader)


@pytest.mark.parametrize("text", ["", "cpu\n", "nonsense without numbers\n"])
def test_files_in_another_format_tell_nothing(proc: Path, text: str) -> None:
    for name in FILES:
        (proc / name).write_text(text)
    reader = VitalsReader(proc)

    assert reader.read().rss > 1e6
    assert {"machine_cpu", "ports", "ports_limit"} <= unknown(reader)


def test_a_socket_that_is_opened_is_an_open_file_and_a_port() -> None:
    reader = VitalsReader()
    before = reader.read()
    with socket.socket() as listener, socket.socket() as caller:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        caller.connect(listener.getsockname())
        after = reader.read()

    assert after.open_files - before.open_files == 2
    assert after.ports >= 2
