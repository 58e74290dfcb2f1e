"""What recording costs: ``python -m tests.benchmarks.recording``.

Each figure is the best of several rounds, in CPU time of this process, because a load test's
machine is busy and the best round is the one least disturbed.  The cost of an action from
start to column is the call plus its share of sealing and of adding to the record.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path

from murmur.recording import RunRecord
from murmur.telemetry import Bus, Chunk, Emitter, Event, Recorder

ROUNDS = 7
EVENT = "amoc.throttle.execute"


def best(work: Callable[[], object], number: int) -> float:
    """Return microseconds of CPU per unit, of the best round; `work` does `number` units."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        rounds.append(time.process_time() - began)
    return min(rounds) / number * 1e6


def new_recorder() -> Recorder:
    """Return a recorder of a run that starts at 0."""
    return Recorder(node="local", started_at=0.0, wall_started_at=0.0)


def record_actions(recorder: Recorder, number: int) -> None:
    """Record `number` actions of three names over two seconds, one in a hundred failed."""
    error = ConnectionError("refused")
    names = ("echo", "login", "send")
    for index in range(number):
        at = 2.0 * index / number
        failed = error if index % 100 == 0 else None
        recorder.action(names[index % 3], index, at, at + 0.001, at + 0.001 * (index % 50), failed)


def loop_alone(number: int) -> None:
    """Do what `record_actions` does, except recording."""
    names = ("echo", "login", "send")
    for index in range(number):
        at = 2.0 * index / number
        failed = names if index % 100 == 0 else None
        (names[index % 3], index, at, at + 0.001, at + 0.001 * (index % 50), failed)


def recording(number: int) -> dict[str, float]:
    """Return what the way of an action into the record costs, per action."""
    recorder = new_recorder()
    calls = best(lambda: record_actions(recorder, number), number)
    loop = best(lambda: loop_alone(number), number)

    chunks: list[Chunk] = []
    sealing, adding = [], []
    record = RunRecord("r1", 0.0, 0.0, actions_bound=number * ROUNDS)
    recorder = new_recorder()
    for _ in range(ROUNDS):
        record_actions(recorder, number)
        began = time.process_time()
        chunks.append(recorder.seal())
        sealed = time.process_time()
        record.add(chunks[-1])
        sealing.append(sealed - began)
        adding.append(time.process_time() - sealed)
    seal, add = min(sealing) / number * 1e6, min(adding) / number * 1e6
    return {
        "action, the call": calls - loop,
        "action, its share of a seal": seal,
        "action, its share of adding the chunk": add,
        "action, start to column": calls - loop + seal + add,
    }


def emitting(number: int) -> dict[str, float]:
    """Return what an event costs, per event."""
    bus = Bus()
    emitter = Emitter(bus, run_id="r1", node="local", now=time.monotonic, wall_now=time.time)

    def ask_and_emit() -> None:
        for _ in range(number):
            if emitter.listening(EVENT):
                emitter.emit(EVENT, {"count": 1}, {"name": "messages"})

    def handler(event: Event) -> None:
        """Do nothing."""

    unheard = best(ask_and_emit, number)
    with bus.subscribe(EVENT, handler):
        heard = best(ask_and_emit, number)
    return {"event, nobody listens": unheard, "event, one listener": heard}


def looking(seconds: int) -> dict[str, float]:
    """Return what a table of windows costs, the first time and when one window is new."""
    recorder, record = new_recorder(), RunRecord("r1", 0.0, 0.0)
    for second in range(seconds):
        for index in range(300):
            recorder.action("echo", 1, second, second, second + index * 0.001)
        record.add(recorder.seal())
    began = time.process_time()
    record.table("windows")
    first = time.process_time() - began
    recorder.action("echo", 1, seconds, seconds, seconds)
    record.add(recorder.seal())
    began = time.process_time()
    record.table("windows", since=seconds - 60)
    again = time.process_time() - began
    return {
        f"table of {seconds} windows, first look": first * 1e6,
        "the last 60 of them, a second later": again * 1e6,
    }


def keeping(number: int) -> None:
    """Print what actions take once they are recorded: memory, and time until they are windows."""
    names = [f"action {place}" for place in range(10)]
    recorder, record, folding = new_recorder(), RunRecord("r1", 0.0, 0.0), 0.0
    before = resident_bytes()
    for second in range(100):
        for index in range(number // 100):
            at = second + 100.0 * index / number
            recorder.action(names[index % 10], index, at, at, at + 0.001 * (1 + index % 97))
        began = time.process_time()
        record.add(recorder.seal())
        folding += time.process_time() - began
    kept = (resident_bytes() - before) / number
    began = time.process_time()
    rows = len(record.table("windows", of_all=True)["count"])
    looked = time.process_time() - began
    million = number / 1e6
    print(f"{'memory of an action kept, its histograms as well':45} {kept:12,.1f} bytes")  # noqa: T201
    print(f"{'a million actions to windows, as they come':45} {folding / million:12,.2f} s")  # noqa: T201
    print(f"{f'their {rows:,} rows of statistics':45} {looked / million:12,.2f} s")  # noqa: T201


def resident_bytes() -> int:
    """Return what this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=100_000, help="actions in one seal")
    number = parser.parse_args().actions
    record_actions(recorder := new_recorder(), 1000)
    recorder.seal()  # numpy is imported now, and not while we measure
    for name, microseconds in {**recording(number), **emitting(number), **looking(3600)}.items():
        print(f"{name:45} {microseconds:12,.2f} us")  # noqa: T201 - it is what it is for
    keeping(1_000_000)


if __name__ == "__main__":
    main()
