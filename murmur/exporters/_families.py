"""Totals in the words of Prometheus: families of metrics, made anew for every scrape."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from murmur.errors import InvalidArgumentError, MissingExtraError

from ._catalogue import METRICS, Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric as Family

    from ._totals import Reading, Totals

_LABEL = re.compile("(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
# What tells series of ours apart, and what the format itself puts on histograms and summaries.
_TAKEN = {"le", "quantile"}.union(*(metric.labels for metric in METRICS.values()))


def require_prometheus(feature: str) -> None:
    """Raise MissingExtraError unless prometheus_client is installed."""
    try:
        import prometheus_client  # noqa: F401 - to see whether it is there
    except ImportError as error:
        raise MissingExtraError(feature, "prometheus", "prometheus_client") from error


def registry_of(
    totals: Totals,
    labels: Mapping[str, str],  # put on every series
) -> CollectorRegistry:
    """Return a registry that holds nothing but `totals`, read anew each time it is asked.

    Raises `InvalidArgumentError` if a label cannot be called that, or is one that a metric has.
    """
    from prometheus_client import CollectorRegistry

    _check(labels)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(totals, labels))
    return registry


def _check(labels: Iterable[str]) -> None:
    """Refuse names that Prometheus would not take, or by which series could not be told apart."""
    for name in labels:
        if name in _TAKEN:
            remedy = f"choose another name, such as 'my_{name}'"
            raise InvalidArgumentError(f"Prometheus has a label {name!r} of its own", remedy)
        if not _LABEL.fullmatch(name):
            remedy = "give ASCII letters, digits and _, with no digit and no __ in front"
            raise InvalidArgumentError(f"Prometheus cannot call a label {name!r}", remedy)


class _Collector:
    """Asked by a registry for every scrape."""

    def __init__(self, totals: Totals, labels: Mapping[str, str]) -> None:
        self._totals = totals
        self._labels = labels

    def describe(self) -> Iterable[Family]:
        """Return nothing: names are ours alone, because the registry is."""
        return ()

    def collect(self) -> Iterator[Family]:
        return families_of(self._totals.read(), self._labels)


def families_of(reading: Reading, labels: Mapping[str, str]) -> Iterator[Family]:
    """Yield the family of every metric that has series, with constant `labels` on each."""
    bounds = [*map(repr, reading.bounds), "+Inf"]
    constant = tuple(labels.values())
    for metric, series in reading.metrics():
        family = _family(metric, (*metric.labels, *labels))
        for values, value in series.items():
            if metric.kind == "histogram":
                family.add_metric(
                    (*values, *constant), _cumulative(reading.counts(value), bounds), value.total
                )
            else:
                family.add_metric((*values, *constant), value)
        yield family


def _family(metric: Metric, labels: tuple[str, ...]) -> Any:  # noqa: ANN401 - one of three classes
    from prometheus_client import core

    make = {
        "counter": core.CounterMetricFamily,
        "gauge": core.GaugeMetricFamily,
        "histogram": core.HistogramMetricFamily,
    }[metric.kind]
    return make(metric.prometheus_name, metric.help, labels=labels, unit=metric.unit)


def _cumulative(counts: NDArray[np.int64], bounds: list[str]) -> list[tuple[str, float]]:
    """Return how many durations were at most each bound."""
    return list(zip(bounds, counts.cumsum().tolist(), strict=True))
