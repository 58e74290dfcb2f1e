"""Stalls of nodes, of the steering kernel and of the cable between them: what each costs.

Run it by ``python -m tests.by_hand.by_hand_stalls``, about five minutes; the rows of the cable
need root.  Two nodes with five users each; one of them (or its cable, or the steering
kernel) stands still for so long.  *back* is from the end of the stall until all nodes take
part again.  The last table is in docs/how-to/use-several-nodes.md.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable

import murmur
from murmur.errors import UnknownNameError

SPACE, NEAR, FAR = f"murmur-stall-{os.getpid()}", "mmstall0", "mmstall1"
HERE, THERE = "10.215.0.1", "10.215.0.2"
FREEZE = """
import os, sys, time
os.kill(int(sys.argv[1]), 19)
time.sleep(float(sys.argv[2]))
os.kill(int(sys.argv[1]), 18)
"""


class Steady(murmur.Scenario):
    """Users act, again and again."""

    async def start(self, user: murmur.User) -> None:
        while True:
            with user.timer("act"):
                await user.sleep(0.05)


def freeze(pid: int, seconds: float) -> None:
    """Stop a process, which may be this one, for so long."""
    subprocess.run([sys.executable, "-c", FREEZE, str(pid), str(seconds)], check=True)


def ip(words: str) -> None:
    """Change the network."""
    subprocess.run(["ip", *words.split()], check=True)


def cut(seconds: float) -> None:
    """Pull the cable for so long."""
    ip(f"link set {NEAR} down")
    time.sleep(seconds)
    ip(f"link set {NEAR} up")


def wait_for(is_so: Callable[[], bool], seconds: float = 90.0) -> float:
    """Wait until it is so; return the seconds that it took."""
    began = time.monotonic()
    while not is_so():
        if time.monotonic() - began > seconds:
            return math.nan
        time.sleep(0.02)
    return time.monotonic() - began


def start_node(ticket: str, name: str, *prefix: str) -> subprocess.Popen[bytes]:
    """Start a process that is a node."""
    words = [*prefix, sys.executable, "-m", "murmur.cluster", name]
    node = subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert node.stdin is not None
    node.stdin.write(ticket.encode() + b"\n")
    node.stdin.close()
    return node


def measure(what: str, seconds: float) -> str:
    """Return one row of the table."""
    prefix = ("ip", "netns", "exec", SPACE) if what == "cable" else ()
    with murmur.Session() as session:
        session.open(host="0.0.0.0")
        ticket = session.open(seen_as=HERE if what == "cable" else "127.0.0.1").text
        started = [start_node(ticket, "one", *prefix), start_node(ticket, "two", *prefix)]
        try:
            session.wait_for_nodes(2)
            run = session.do(Steady, 10, user_rate=math.inf)
            wait_for(lambda: session.status().users["running"] == 10)
            time.sleep(5.0)
            if what == "cable":
                cut(seconds)
            else:
                freeze(session.nodes["one"].pid if what == "node" else os.getpid(), seconds)
            back = wait_for(lambda: is_whole(session))
            time.sleep(2.0)
            session.stop()
            run.wait(timeout=60)
        finally:
            for node in started:
                node.kill()
                node.wait()
    counts = run.results.users["outcome"].astype(str).value_counts()
    users = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    verdict = run.results.verdict
    told = [each for each in verdict.reasons if "nobody asked" in each or "silent" in each]
    return f"| {what} | {seconds:g} s | {users} | {verdict.state}: {told[:1]} | {back:.1f} s |"


def is_whole(session: murmur.Session) -> bool:
    """Return whether two nodes take part and are not silent."""
    try:
        return all(session.nodes[name].state == "running" for name in ("one", "two"))
    except UnknownNameError:  # not yet
        return False


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--what", nargs="+", default=["node", "steering", "cable"])
    parser.add_argument("--seconds", nargs="+", type=float, default=[2.5, 6.0, 30.0])
    given = parser.parse_args()
    sys.stdout.write("| what | for | users | verdict | back |\n|---|---|---|---|---|\n")
    if "cable" in given.what:
        ip(f"netns add {SPACE}")
        ip(f"link add {NEAR} type veth peer name {FAR} netns {SPACE}")
        ip(f"addr add {HERE}/24 dev {NEAR}")
        ip(f"link set {NEAR} up")
        ip(f"-n {SPACE} addr add {THERE}/24 dev {FAR}")
        ip(f"-n {SPACE} link set {FAR} up")
        ip(f"-n {SPACE} link set lo up")
    try:
        for what in given.what:
            for seconds in given.seconds:
                sys.stdout.write(measure(what, seconds) + "\n")
                sys.stdout.flush()
    finally:
        if "cable" in given.what:
            ip(f"netns del {SPACE}")


if __name__ == "__main__":
    main()
