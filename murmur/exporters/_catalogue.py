"""Every metric that exporters give out: the one place for names, units and meanings.

Exposition to Prometheus, paths of Graphite and OpenTelemetry's data points are all made
from this table, and ``docs/reference/exported-metrics.md`` is checked against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = ["BOUNDS", "METRICS", "Kind", "Metric"]

Kind = Literal["counter", "gauge", "histogram"]

BOUNDS = (
    *(0.0005, 0.0007, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.007),
    *(0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7),
    *(1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 60.0),
)
"""Upper bounds of the buckets of durations, in seconds: six to a decade."""


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
    def otel_name(self) -> str:
        """The name in OpenTelemetry, which keeps the unit apart: ``murmur.response_time``."""
        return f"murmur.{self.name}"


def _generator(name: str, unit: str, meaning: str) -> Metric:
    return Metric(f"generator_{name}", "gauge", unit, meaning, ("node",))


def _generated(name: str, meaning: str) -> Metric:
    return Metric(f"generator_{name}", "counter", "", meaning, ("node",))


# Durations are merged over the nodes: a histogram is some thirty series, and those of a
# hundred actions on ten nodes would be more than a scrape should carry.
_TABLE = (
    Metric("run_info", "gauge", "", "The run that all other numbers are of: 1.", ("run", "seed")),
    Metric("run_active", "gauge", "", "Whether a run is on: 1, else 0."),
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
    Metric("counted", "counter", "", "Counters of the scenario.", ("counter", "node")),
    Metric("value", "gauge", "", "Gauges of the scenario, as last set.", ("gauge", "node")),
    Metric("throttle_rate", "gauge", "", "Permits per second it may grant.", ("throttle", "node")),
    Metric("throttle_requested", "counter", "", "Permits asked for.", ("throttle", "node")),
    Metric("throttle_granted", "counter", "", "Permits granted.", ("throttle", "node")),
    Metric("throttle_waiting", "gauge", "", "Callers waiting for a permit.", ("throttle", "node")),
    Metric(
        "throttle_lateness_p99",
        "gauge",
        "seconds",
        "99th percentile of permits' delay behind their due time, in the last window.",
        ("throttle", "node"),
    ),
    _generator("loop_lag_p50", "seconds", "Median delay of the loop's timers, last window."),
    _generator("loop_lag_p99", "seconds", "99th percentile of that delay."),
    _generator("loop_lag_max", "seconds", "Longest such delay."),
    _generator("schedule_lag", "seconds", "99th percentile of throttles' delay, of the worst."),
    _generator("cpu_cores", "", "CPU time used per second; 1 is one whole core."),
    _generator("machine_cpu", "ratio", "Share of the machine's cores that were busy."),
    _generator("resident_memory", "bytes", "Resident memory of the node's process."),
    _generator("gc_longest_pause", "seconds", "Longest garbage collection, last window."),
    _generator("open_files", "", "Files and sockets that the process has open."),
    _generator("open_files_limit", "", "How many it may have open."),
    _generator("ports", "", "Local ports that the machine's connections hold."),
    _generator("ports_limit", "", "How many there are to be had."),
    _generator("saturated", "", "Whether the generator was the bottleneck: 1, else 0."),
    _generated("saturated_windows", "Windows in which the generator was the bottleneck."),
    _generated("gc_pauses", "Garbage collections."),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _TABLE})
"""Every metric by its name."""
