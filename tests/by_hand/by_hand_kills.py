"""Runs that are killed at any moment, and on disks that are too small: what is left of them.

Run it with ``python tests/by_hand/by_hand_kills.py [--kills 100] [--seed 1]``, as root for the
part with full disks; seven minutes on two busy cores.

Half of the runs are killed (SIGKILL) at a moment between their start and their end, the other
half while their files are written, which is when the first of these is there.  Each is a whole
``murmur run`` with archive, report, JUnit file and both tickets.  Then savers are killed, which
write the same archive, CSV files and report over and over, each over the one before.  At the end
the same run has a file system of its own of some size that is too small.

What is left has to be whole: no file of a name of its own that is not, no empty one; what is
there is read, and a run that was cut off says so in its verdict.

Last figures (2026-11, two cores shared with a dozen other programs): of 40 runs that were killed
at any moment or while they wrote, 26 left tickets, 18 a journal and 8 an archive, all whole; 40
who saved left 7 archives, and 33 times a hidden directory beside, for its owner only.  Before
files had no name until they were whole, 39 of 50 runs left Parquet files half-written beside their
journal, which others could read.  On disks from 16 kB to 1 MB each run ended with exit 2 and a
sentence, and what it left was whole.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

from traitlets import Float

import murmur
from murmur._cli import main as command_line
from murmur.cluster import Ticket
from murmur.errors import MurmurError
from murmur.testing import rehearse

LASTS = 1.0  # s
"""How long a run takes, besides what it takes to begin and to end."""

SIZES = [f"{size}k" for size in (16, 32, 48, 64, 96, 128, 160, 192, 256, 320, 384, 512, 768, 1024)]
"""Sizes of file systems; the largest holds all that a run writes."""


class Shop(murmur.Scenario):
    """Users ask, and gauge what does not compress."""

    user_rate = Float(math.inf, help="users per minute").tag(live=True)

    async def start(self, user: murmur.User) -> None:
        while True:
            with user.timer("ask"):
                await user.sleep(0.01)
            user.gauge(f"g{user.random.randrange(20)}", user.random.random())


def say(line: str) -> None:
    """Say a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def run_words(folder: Path) -> list[str]:
    """Return the words of the command whose files lie in a folder."""
    return [
        "run", f"{__file__}:Shop", "-u", "30", "-d", f"{LASTS}s", "--check", "p99(ask) < 9s",
        "--out", f"{folder}/out", "--report", f"{folder}/report.html",
        "--junit", f"{folder}/junit.xml", "--ticket", f"{folder}/ticket",
        "--look-ticket", f"{folder}/look", "--listen", "127.0.0.1:0", "--wait-for", "0",
        "--progress", "none",
    ]  # fmt: skip


def in_child(work: Callable[[], object], said: Path) -> int:
    """Do `work` in a process that was forked from this one, which has murmur imported."""
    child = os.fork()
    if child:
        return child
    with said.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    code = 70
    try:
        code = int(work() or 0)  # type: ignore[call-overload]
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def faults_in(folder: Path, seen: Counter[str]) -> Iterator[str]:
    """Yield what is wrong with what lies in a folder; count what is there."""
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        yield from faults_of_file(
            file, re.sub(r"\d{4}-\S+?/", "RUN/", str(file.relative_to(folder)))
        )
    for run in (folder / "out", *(folder / "out.unfinished").glob("*")):
        if run.exists():
            yield from faults_of_run(run, seen, is_whole=run.name == "out")
    yield from unreadable(folder / "report.html", whole_page, seen)
    yield from unreadable(folder / "junit.xml", ElementTree.parse, seen)
    for name in ("ticket", "look"):
        yield from unreadable(folder / name, Ticket.read, seen)


def faults_of_file(file: Path, name: str) -> Iterator[str]:
    """Yield what is wrong with a file, whatever it holds."""
    if ".part" in name:
        yield f"{name} is left"
    if not file.stat().st_size:
        yield f"{name} is empty"
    if file.stat().st_mode & 0o077:
        yield f"{name} may be read by others"


def whole_page(page: Path) -> None:
    """Raise unless a page has its end."""
    if not page.read_text().rstrip().endswith("</html>"):
        raise ValueError("it has no end")


def unreadable(file: Path, read: Callable[[Path], object], seen: Counter[str]) -> Iterator[str]:
    """Yield why a file that is there cannot be read."""
    if not file.exists():
        return
    seen[file.name] += 1
    try:
        read(file)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a fault
        yield f"{file.name}: {error!r}"


def faults_of_run(run: Path, seen: Counter[str], *, is_whole: bool) -> Iterator[str]:
    """Yield what is wrong with a run that was kept."""
    has_manifest = (run / "manifest.json").exists()
    seen["an archive" if has_manifest else "a journal"] += 1
    try:
        results = murmur.load(run)
        str(results.summary())
        known = len(results.actions)
        reasons = " ".join(results.verdict.reasons)
    except Exception as error:  # noqa: BLE001 - likewise
        yield f"{run.name}: {error!r}"
        return
    if is_whole and not (has_manifest and known):
        yield f"{run.name} is no whole archive ({known} actions)"
    if not has_manifest and "cut off" not in reasons:
        yield f"{run.name} is a journal of {known} actions whose verdict says: {reasons}"


def ending(folder: Path) -> bool:
    """Return whether a run has begun to write what it leaves."""
    return any(folder.glob("out.unfinished/*/*.parquet")) or (folder / "out").exists()


def killed_run(folder: Path, chance: random.Random, *, at_the_end: bool) -> bool:
    """Start a run and kill it; return whether it was there to be killed."""
    child = in_child(lambda: command_line(run_words(folder)), folder / "said.txt")
    until = time.monotonic() + 60
    if at_the_end:
        while not ending(folder) and time.monotonic() < until and alive(child):
            time.sleep(0.001)
        time.sleep(chance.random() * 1.2)
    else:
        time.sleep(chance.random() * (LASTS + 1.5))
    was_there = alive(child)
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    if was_there:
        os.waitpid(child, 0)
    (folder / "said.txt").unlink(missing_ok=True)  # it may have been killed before
    return was_there


def alive(child: int) -> bool:
    """Return whether a child runs; one that has ended is seen to."""
    with suppress(ChildProcessError):
        return os.waitpid(child, os.WNOHANG) == (0, 0)
    return False


def killed_saver(folder: Path, chance: random.Random, results: murmur.Results) -> bool:
    """Kill a process that saves the same results again and again."""

    def save() -> None:
        while True:
            results.save(folder / "out", overwrite=True)
            results.report(folder / "report.html")
            results.to_csv(folder / "csv")

    child = in_child(save, folder / "said.txt")
    time.sleep(0.2 + chance.random())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    (folder / "said.txt").unlink(missing_ok=True)  # it may have been killed before
    return True


def full_disk(folder: Path, size: str) -> Iterator[str]:
    """Yield what is wrong after a run on a file system of some size; nothing may be raised."""
    disk, said = folder / "disk", folder / "said.txt"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "murmur-by-hand", str(disk)]
    subprocess.run(mount, check=True)
    try:
        child = in_child(lambda: command_line(run_words(disk)), said)
        _, status = os.waitpid(child, 0)
        text = said.read_text()
        kept = sorted(each.name for each in disk.iterdir())
        last = text.strip().splitlines()[-1:] or [""]
        say(f"  {size:>6}: exit {os.waitstatus_to_exitcode(status)}, left {kept}: {last[0][:110]}")
        if "Traceback" in text:
            yield f"{size}: a traceback: {text[-600:]}"
        for fault in faults_in(disk, Counter()):
            if "cut off" not in fault and "verdict says" not in fault:
                yield f"{size}: {fault}"
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def main() -> int:
    """Kill, look, and tell; return 1 if anything half-made was left, or could not be read."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--kills", type=int, default=100)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--disks", action=argparse.BooleanOptionalAction, default=True)
    given = words.parse_args()
    chance = random.Random(given.seed)
    results = rehearse(Shop, 20, duration=30.0)
    results.summary()
    kinds: list[tuple[str, int, Callable[[Path], bool]]] = [
        ("a run, at any moment", given.kills // 2,
         lambda folder: killed_run(folder, chance, at_the_end=False)),
        ("a run, while it writes", given.kills - given.kills // 2,
         lambda folder: killed_run(folder, chance, at_the_end=True)),
        ("who saves over and over", given.kills,
         lambda folder: killed_saver(folder, chance, results)),
    ]  # fmt: skip
    faults = 0
    for what, tries, kill in kinds:
        seen: Counter[str] = Counter()
        told: Counter[str] = Counter()
        began = time.monotonic()
        for _ in range(tries):
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place)
                seen["killed"] += kill(folder)
                told.update(faults_in(folder, seen))
                seen["hidden directories"] += sum(1 for _ in folder.glob(".out-*"))
        took = time.monotonic() - began
        say(f"{what}: {tries} in {took:.0f} s, found {dict(seen)}")
        for fault, count in told.most_common():
            say(f"  {count} x {fault}")
        faults += sum(told.values())
    if os.geteuid() == 0 and given.disks:
        say("on disks of")
        for size in SIZES:
            with tempfile.TemporaryDirectory() as place:
                for fault in full_disk(Path(place), size):
                    say(f"  {fault}")
                    faults += 1
    say("nothing half-made" if not faults else f"{faults} faults")
    return bool(faults)


if __name__ == "__main__":
    with suppress(MurmurError):
        sys.exit(main())
