"""Catalogue of the metrics that exporters give out: names, units and meanings.

Those of samples follow from the schema of `murmur.recording`.  Exposition to Prometheus,
paths of Graphite, OpenTelemetry's data points and the reference page are made from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from murmur.recording import FRAMES, Column, Frame

Kind = Literal["counter", "gauge", "histogram"]

BUCKETS = (
    *(0.0005, 0.0007, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.007),
    *(0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7),
    *(1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 60.0),
)
"""Upper bounds of the buckets that are given out, in seconds: six to a decade."""

BOUNDS = tuple(2.0**octave * (1 + part / 64) for octave in range(-30, 20) for part in range(64))
"""Upper bounds of the buckets in which durations are added up: those of the recorder, 64 to
an octave, from a nanosecond to six days.  Percentiles are made of them."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric, as everybody names it.

    Attributes
    ----------
    name : str
        Its name without prefix, unit and suffix: ``response_time``.
    kind : {"counter", "gauge", "histogram"}
        A counter only rises within a run, and starts at zero with the next.
    unit : str
        ``"seconds"``, ``"bytes"``, ``"ratio"``, or nothing for plain numbers.
    help : str
        What it is, in one sentence.
    labels : tuple of str
        What tells its series apart.
    """

    name: str
    kind: Kind
    unit: str
    help: str
    labels: tuple[str, ...] = ()

    @property
    def prometheus_name(self) -> str:
        """The name of its family in Prometheus: ``murmur_response_time_seconds``.

        A counter's samples have ``_total`` behind it.
        """
        return "_".join(part for part in ("murmur", self.name, self.unit) if part)

    @property
    def full_name(self) -> str:
        """The name of its samples in Prometheus: a counter's end in ``_total``."""
        return self.prometheus_name + "_total" * (self.kind == "counter")

    @property
    def otel_name(self) -> str:
        """The name in OpenTelemetry, which keeps the unit apart: ``murmur.response_time``."""
        return f"murmur.{self.name}"


_UNITS = {"s": "seconds", "bytes": "bytes", "share": "ratio"}


def _of_column(frame: Frame, column: Column) -> Metric:
    """Return the metric of a column of samples: what is summed only rises."""
    labels = ("throttle", "node") if "name" in frame.column_names else ("node",)
    return Metric(
        f"{frame.metrics}_{column.metric}",
        "counter" if column.merge == "sum" else "gauge",
        _UNITS.get(column.unit, ""),
        column.meaning,
        labels,
    )


_COLUMNS = {
    frame.name: [(_of_column(frame, c), c.name) for c in frame.columns if c.metric]
    for frame in FRAMES.values()
}
SAMPLED: Mapping[str, Sequence[tuple[str, str]]] = {
    frame: [(metric.name, column) for metric, column in columns]
    for frame, columns in _COLUMNS.items()
}
"""For each frame of samples the name of each metric, and of the column that it shows."""

# Durations are merged over the nodes: a histogram is some thirty series, and those of a
# hundred actions on ten nodes would be more than a scrape should carry.
_TABLE = (
    Metric("run_info", "gauge", "", "The run that all other numbers are of: 1.", ("run", "seed")),
    Metric("run_active", "gauge", "", "Whether a run is on: 1, else 0."),
    Metric("run_actions", "counter", "", "Actions that ended, of any name: 0 if none did."),
    Metric("run_actions_failed", "counter", "", "Actions that failed, of any name: 0 if none did."),
    Metric("run_start", "gauge", "seconds", "When the run started, in UNIX seconds."),
    Metric("users", "gauge", "", "Users waiting, running or leaving.", ("state", "node")),
    Metric("users_gone", "counter", "", "Users that ended, by outcome.", ("outcome", "node")),
    Metric("actions", "counter", "", "Actions that ended, failed or not.", ("action", "node")),
    Metric(
        "actions_failed",
        "counter",
        "",
        "Actions that failed, by the kind of error.",
        ("action", "error", "node"),
    ),
    Metric(
        "response_time",
        "histogram",
        "seconds",
        "Time of successful actions from the moment they were due to their end.",
        ("action",),
    ),
    Metric(
        "service_time",
        "histogram",
        "seconds",
        "Time of successful actions from their start to their end.",
        ("action",),
    ),
    Metric(
        "actions_under_way",
        "gauge",
        "",
        "Actions that were begun more than a second ago and have not ended.",
        ("action", "node"),
    ),
    Metric(
        "actions_under_way_longest",
        "gauge",
        "seconds",
        "For how long the oldest of them has gone on since it was due.",
        ("action", "node"),
    ),
    Metric("counted", "counter", "", "Counters of the scenario.", ("counter", "node")),
    Metric("value", "gauge", "", "Gauges of the scenario, as last set.", ("gauge", "node")),
    Metric("throttle_rate", "gauge", "", "Permits per second it may grant.", ("throttle", "node")),
    *(metric for metric, _ in _COLUMNS["throttles"]),
    *(metric for metric, _ in _COLUMNS["health"]),
    Metric(
        "generator_saturated_windows",
        "counter",
        "",
        "Windows in which the generator was too slow, or had too little, to be trusted.",
        ("node",),
    ),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _TABLE})
"""Every metric by its name."""
