"""The last five minutes of a session's latest run, at a cost that does not grow with it.

Chunks are taken in as they come, on the thread of the load: a few entries of a dictionary.
What needs arithmetic is done when rows are asked for, in another thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from murmur.recording import Follower

from . import _rows as rows
from ._table import rows_of
from ._windows import SPAN, Figures, Windows

if TYPE_CHECKING:
    from murmur.recording import RunRecord
    from murmur.telemetry import Chunk, Sample

__all__ = ["Change", "History"]

_SAME_CALL = 0.5  # s between what two nodes tell of one call, at most
_HEALTH = 30  # windows that the generator's health is judged by


class Change(NamedTuple):
    """A live change, of all nodes together."""

    at: float
    what: str
    old: Any
    new: Any


class History(Follower):
    """Follows the runs of a session and remembers the end of the latest.

    Attributes
    ----------
    record : RunRecord or None
        The run it is about.
    is_fresh : bool
        Whether something came since rows were last drawn.
    changes : list of Change
        The live changes, oldest first.
    figures : Figures
        What the last seconds came to when rows were last drawn.
    """

    def __init__(self) -> None:
        self.is_fresh: bool = True
        self.changes: list[Change] = []
        self.figures: Figures = Figures()
        self._begin(None)

    def adopt(self, record: RunRecord | None) -> None:
        """Begin anew with `record`, of which some may have happened already."""
        self._begin(record)
        if record is None:
            return
        self.changes = _changes_of(record)
        names = ("window_at", "node", *rows.STATES)
        for at, node, *counts in rows_of(record.table("population"), *names):
            self._population.setdefault(round(at / record.window), {})[node] = counts
        names = ("window_at", "name", "node", "requested", "granted")
        for at, name, node, asked, granted in rows_of(record.table("throttles"), *names):
            row = self._throttles.setdefault(round(at / record.window), {})
            row[name, node] = (asked, granted)
        self._forget()

    def take(self, record: RunRecord, chunk: Chunk) -> None:
        """Take in a chunk that the record has taken in."""
        self.is_fresh = True
        if record is not self.record:
            self.adopt(record)  # which has this chunk already
        else:
            self._append(record, chunk)
        for sample in chunk.samples.get("health", ()):
            self._health.setdefault(chunk.node, deque(maxlen=_HEALTH)).append(sample)

    def lose(self, record: RunRecord, node: str, users: int) -> None:
        """Show what is known without that node."""
        self.is_fresh = True
        self._health.pop(node, None)

    def end(self, record: RunRecord) -> None:
        """Draw once more."""
        self.is_fresh = True

    @property
    def health(self) -> Mapping[str, Mapping[str, Any]]:
        """What the newest sample of each node says."""
        return {node: samples[-1].values for node, samples in self._health.copy().items()}

    @property
    def saturated(self) -> tuple[int, int]:
        """Of the last thirty windows of each node: saturated ones, and all."""
        samples = [sample for node in self._health.copy().values() for sample in node.copy()]
        return sum(bool(sample.values["saturated"]) for sample in samples), len(samples)

    def target(self, highest_id: int) -> int:
        """Return how many users are asked for: all announced, less those asked to leave."""
        return highest_id + sum(min(by, 0) for _, by in self._steps())

    def draw(self, highest_id: int, elapsed: float) -> dict[str, Any]:
        """Return rows for every chart; by one thread at a time.

        Parameters
        ----------
        highest_id : int
            Users that were announced.
        elapsed : float
            Seconds since the run started: where the charts end.
        """
        self.is_fresh = False
        record, windows, steps = self.record, self._windows, self._steps()
        if record is None or windows is None:
            self.figures = Figures()
            return rows.of_nothing()
        windows.catch_up(max(self._population, default=0))
        whole = list(windows.whole())
        end = max(60.0, elapsed)
        began_with = highest_id - sum(max(by, 0) for _, by in steps)
        self.figures = windows.figures()
        return {
            "span": [max(0.0, end - SPAN * record.window), end],
            "population": rows.population(self._samples(record), steps, began_with),
            "throughput": rows.throughput(whole, record.window),
            "latency": rows.latency(whole),
            "heatmap": rows.heatmap(whole),
            "throttles": rows.throttles(self._permits(record)),
        }

    def _begin(self, record: RunRecord | None) -> None:
        self.record = record
        self.changes = []
        self._windows = None if record is None else Windows(record)
        self._population: dict[int, dict[str, list[int]]] = {}
        self._throttles: dict[int, dict[tuple[str, str], tuple[int, int]]] = {}
        self._health: dict[str, deque[Sample]] = {}

    def _append(self, record: RunRecord, chunk: Chunk) -> None:
        for sample in chunk.samples.get("population", ()):
            nodes = self._population.setdefault(round(sample.at / record.window), {})
            nodes[chunk.node] = [int(sample.values[state]) for state in rows.STATES]
        for throttle in chunk.samples.get("throttles", ()):
            row = self._throttles.setdefault(max(round(throttle.at / record.window) - 1, 0), {})
            key = (throttle.name, chunk.node)
            asked, granted = row.get(key, (0, 0))
            news = [int(throttle.values.get(name, 0)) for name in ("requested", "granted")]
            row[key] = (asked + news[0], granted + news[1])
        if chunk.changes:
            self.changes = _changes_of(record)
        self._forget()

    def _forget(self) -> None:
        for kept in (self._population, self._throttles):
            while len(kept) > SPAN:
                del kept[min(kept)]

    def _samples(self, record: RunRecord) -> list[tuple[float, list[int]]]:
        return [
            (number * record.window, [sum(counts) for counts in zip(*nodes.values(), strict=True)])
            for number, nodes in sorted(self._population.copy().items())
        ]

    def _permits(self, record: RunRecord) -> dict[str, dict[float, tuple[float, float]]]:
        found: dict[str, dict[float, tuple[float, float]]] = {}
        for number, row in self._throttles.copy().items():
            for (name, _), (asked, granted) in row.copy().items():
                moments = found.setdefault(name, {})
                before = moments.get(number * record.window, (0.0, 0.0))
                both = (before[0] + asked / record.window, before[1] + granted / record.window)
                moments[number * record.window] = both
        return found

    def _steps(self) -> list[tuple[float, int]]:
        """Return when the number of users was changed, and by how much."""
        return [(one.at, one.new - one.old) for one in self.changes if one.what == "users"]


def _changes_of(record: RunRecord) -> list[Change]:
    """Return the live changes; what one call did on several nodes is one."""
    merged: list[Change] = []
    told_by: list[set[str]] = []
    names = ("at", "node", "what", "old", "new")
    for at, node, what, old, new in rows_of(record.table("changes"), *names):
        place = len(merged) - 1
        while place >= 0 and at - merged[place].at <= _SAME_CALL:
            if merged[place].what == what and node not in told_by[place]:
                break
            place -= 1
        else:
            merged.append(Change(at, what, old, new))
            told_by.append({node})
            continue
        told_by[place].add(node)
        if what == "users":  # each node tells of its share
            one = merged[place]
            merged[place] = one._replace(old=one.old + old, new=one.new + new)
    return merged
