"""Totals in the words of Prometheus: families of metrics, made anew for every scrape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from murmur.errors import MissingExtraError

from ._catalogue import Metric

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric as Family

    from ._totals import Durations, Totals

__all__ = ["registry_of"]


def registry_of(totals: Totals, labels: Mapping[str, str], feature: str) -> CollectorRegistry:
    """Return a registry that holds nothing but `totals`.

    Parameters
    ----------
    totals : Totals
        Read anew each time the registry is asked.
    labels : mapping of str to str
        Put on every series.
    feature : str
        What asks, for the error.

    Raises
    ------
    MissingExtraError
        If prometheus_client is not installed.
    """
    try:
        from prometheus_client import CollectorRegistry
    except ImportError as error:
        raise MissingExtraError(feature, "prometheus", "prometheus_client") from error
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(totals, labels))
    return registry


class _Collector:
    """Asked by a registry for every scrape."""

    def __init__(self, totals: Totals, labels: Mapping[str, str]) -> None:
        self._totals = totals
        self._names = tuple(labels)
        self._values = tuple(labels.values())

    def describe(self) -> Iterable[Family]:
        """Return nothing: names are ours alone, for the registry is."""
        return ()

    def collect(self) -> Iterator[Family]:
        reading = self._totals.read()
        bounds = [*map(repr, reading.bounds), "+Inf"]
        for metric, series in reading.metrics():
            family = self._family(metric)
            for labels, value in series.items():
                values = (*labels, *self._values)
                if metric.kind == "histogram":
                    family.add_metric(values, _cumulative(value, bounds), value.total)
                else:
                    family.add_metric(values, value)
            yield family

    def _family(self, metric: Metric) -> Any:  # noqa: ANN401 - one of three classes
        from prometheus_client import core

        make = {
            "counter": core.CounterMetricFamily,
            "gauge": core.GaugeMetricFamily,
            "histogram": core.HistogramMetricFamily,
        }[metric.kind]
        names = (*metric.labels, *self._names)
        return make(metric.prometheus_name, metric.help, labels=names, unit=metric.unit)


def _cumulative(durations: Durations, bounds: list[str]) -> list[tuple[str, float]]:
    """Return how many durations were at most each bound."""
    counts = durations.counts.cumsum().tolist()
    return list(zip(bounds, counts, strict=True))
