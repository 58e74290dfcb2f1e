"""What a panel costs, and how soon a click counts: ``python -m tests.benchmarks.panel``.

Everything happens in a real kernel, and whatever it sends is read, as a front end would.  A
run of 2,000 users does so many actions a second, alone and then with a panel open.  The cost
is the CPU time of the whole kernel with the panel less that without it, in shares of a core,
as the median of several pairs of turns: other work on the machine disturbs both.  A click is
a message as the page sends it, to the moment when its effect is in the state that the page
is told.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections import Counter
from typing import Any

from jupyter_client.manager import start_new_kernel
from traitlets import Int

import murmur
from murmur.jupyter.panel import Panel

TURN = 6.0
"""Seconds of one turn."""

PATIENCE = 10.0
"""Seconds after which a click counts as lost."""


class Busy(murmur.Scenario):
    """Users act at an even rate, all together."""

    rate = Int(10_000, min=1, help="actions a second, over all users")

    async def init(self) -> None:
        """Start the throttle that paces them."""
        self.actions = await murmur.throttle("actions", rate=self.rate, interval=1)

    async def start(self, user: murmur.User) -> None:
        """Act for ever."""
        while True:
            await self.actions.wait()
            user.record("act", user.random.random() / 50)


def cpu_share(seconds: float) -> float:
    """Return the share of a core that this process uses for so long."""
    cpu, wall = time.process_time(), time.monotonic()
    time.sleep(seconds)
    return (time.process_time() - cpu) / (time.monotonic() - wall)


def cost(session: murmur.Session, turns: int) -> tuple[float, float]:
    """Return the median share of a core without a panel, and what one adds."""
    alone, added = [], []
    for _ in range(turns):
        before = cpu_share(TURN)
        panel = session.panel()
        time.sleep(1.0)
        added.append(cpu_share(TURN) - before)
        panel.close()
        alone.append(before)
    return statistics.median(alone), statistics.median(added)


def clicks(panel: Panel, number: int) -> list[float]:
    """Return after how many seconds each of so many clicks shows in the panel's state."""
    delays = []
    for click in range(number):
        time.sleep(0.31 + 0.05 * (click % 7))  # at no fixed place of the publisher's beat
        target = panel.state["users"]["target"]
        clicked_at = time.monotonic()
        message = {"event": "command", "name": "add", "id": click, "arguments": {"count": 1}}
        panel._hear(panel, message, [])
        while panel.state["users"]["target"] == target:
            if time.monotonic() - clicked_at > PATIENCE:
                break
            time.sleep(0.001)
        delays.append(time.monotonic() - clicked_at)
    return sorted(delays)


def measure(rate: int, turns: int, number: int) -> None:
    """Measure and print; in a kernel."""
    with murmur.Session() as session:
        run = session.do(Busy, 2_000, user_rate=math.inf, rate=rate)
        time.sleep(3.0)
        alone, added = cost(session, turns)
        achieved = run.results.windows["count"].iloc[3:-1].median()
        sys.stdout.write(
            f"{achieved:,.0f} actions/s (median) take {alone:.1%} of a core; "
            f"a panel adds {added:.1%}\n"
        )
        panel = session.panel()
        time.sleep(2.0)
        delays = clicks(panel, number)
        worst = delays[math.ceil(0.95 * len(delays)) - 1]
        middle = statistics.median(delays)
        sys.stdout.write(f"click to effect: p50 {middle * 1e3:.0f} ms, p95 {worst * 1e3:.0f} ms\n")
        panel.close()


def main() -> None:
    """Start a kernel, let it measure, and show what it prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=10_000, help="actions a second")
    parser.add_argument("--turns", type=int, default=3, help="pairs of turns")
    parser.add_argument("--clicks", type=int, default=60)
    given = parser.parse_args()
    code = (
        "from tests.benchmarks.panel import measure\n"
        f"measure({given.rate}, {given.turns}, {given.clicks})"
    )
    manager, client = start_new_kernel(kernel_name="python3")
    sent: Counter[str] = Counter()

    def show(message: dict[str, Any]) -> None:
        sent[message["msg_type"]] += 1
        content = message["content"]
        if message["msg_type"] in {"stream", "error"}:
            sys.stdout.write(content.get("text") or "\n".join(content["traceback"]))

    try:
        client.execute_interactive(code, timeout=600, output_hook=show)
        sys.stdout.write(f"messages: {sent['comm_msg']} to the panels\n")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main()
