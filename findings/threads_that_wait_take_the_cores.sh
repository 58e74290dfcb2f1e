#!/usr/bin/env bash
# Threads that only wait, with a time limit of a second, slow a busy thread down by several times
# once the switch interval of the interpreter is short.
#
# Version: CPython 3.11.7, its standard library alone, on two cores.
# Guess before the run: five hundred threads in `Event.wait(1)` cost next to nothing, so that two
#   seconds of arithmetic take as long beside them as alone, whatever the switch interval.
# Seen: with the default interval of 5 ms as long as alone; with 0.5 ms, as a program sets it that
#   wants other threads to answer soon, 5.3 times (and 40 times where they do a little work when
#   they look). Each thread whose second is over waits for the GIL and asks for it again once an
#   interval; some dozens take the cores from the one that has it, so that more and more wait.
#   Without time limits: as long as alone.
# So threads that wait for a loop look seldom whether it is there, and a run with many of them
# keeps a longer interval.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > look.py <<'PY'
import sys
import threading
import time

THREADS = 500


def arithmetic():
    began = time.monotonic()
    sum(range(60_000_000))
    return time.monotonic() - began


def wait(over, limit):
    while not over.wait(limit):
        pass


def beside(limit, interval):
    """Return how long arithmetic takes beside threads that wait, and how long alone."""
    alone = arithmetic()
    over, before = threading.Event(), sys.getswitchinterval()
    threads = [threading.Thread(target=wait, args=(over, limit)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    sys.setswitchinterval(interval)
    time.sleep(1.5)
    taken = arithmetic()
    sys.setswitchinterval(before)
    over.set()
    for thread in threads:
        thread.join()
    return taken / alone


print(f"limit 1 s, 5 ms: {beside(1.0, 0.005):.1f} times")
print(f"no limit, 0.5 ms: {beside(None, 0.0005):.1f} times")
ratio = beside(1.0, 0.0005)
print(f"limit 1 s, 0.5 ms: {ratio:.1f} times")
sys.exit(ratio < 3)
PY
timeout 120 python3 look.py
