from __future__ import annotations

import sys

import pytest
from opentelemetry.sdk.metrics.export import AggregationTemporality, Gauge, Histogram, Sum
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import StatusCode

from murmur.errors import InvalidArgumentError, MissingExtraError
from murmur.exporters import BOUNDS, OpenTelemetry, Totals
from murmur.exporters._otlp import metrics_data, spans_of
from murmur.exporters._spans import Action

RESOURCE = Resource({"service.name": "test"})
NOW = 2_000_000_000_000


@pytest.fixture
def totals(course) -> Totals:
    totals = Totals()
    course.relay.attach(totals)
    return totals


def metrics_of(totals: Totals) -> dict:
    (resource,) = metrics_data(totals.read(), RESOURCE, NOW).resource_metrics
    (scope,) = resource.scope_metrics
    assert (resource.resource, scope.scope.name) == (RESOURCE, "murmur")
    return {metric.name: metric for metric in scope.metrics}


def test_counters_are_monotonic_sums_since_the_run_started(course, totals):
    course.act("echo", 0.1, 0.1)
    course.flush()

    metric = metrics_of(totals)["murmur.actions"]

    assert isinstance(metric.data, Sum)
    assert metric.data.is_monotonic
    assert metric.data.aggregation_temporality is AggregationTemporality.CUMULATIVE
    (point,) = metric.data.data_points
    assert point.attributes == {"action": "echo", "node": "local"}
    assert (point.value, point.start_time_unix_nano, point.time_unix_nano) == (2, 10**12, NOW)


def test_a_clock_that_was_set_back_makes_no_point_that_ends_before_it_began(course, totals):
    course.act("echo", 0.1)
    course.flush()
    (resource,) = metrics_data(totals.read(), RESOURCE, 10**12 - 3600 * 10**9).resource_metrics

    points = [
        point for metric in resource.scope_metrics[0].metrics for point in metric.data.data_points
    ]

    assert {(each.start_time_unix_nano, each.time_unix_nano) for each in points} == {
        (10**12, 10**12)
    }


def test_gauges_have_their_unit(course, totals):
    course.on().health(1.0, [0.001], 0.2, 1e8, saturated=False)
    course.flush()

    metric = metrics_of(totals)["murmur.generator_resident_memory"]

    assert isinstance(metric.data, Gauge)
    assert metric.unit == "By"
    assert [point.value for point in metric.data.data_points] == [1e8]


def test_durations_are_histograms_with_exact_sum_and_extremes(course, totals):
    course.act("echo", 0.04, 0.1)
    course.flush()
    course.act("echo", 0.02)
    course.flush()

    metric = metrics_of(totals)["murmur.service_time"]

    assert isinstance(metric.data, Histogram)
    assert metric.unit == "s"
    (point,) = metric.data.data_points
    assert tuple(point.explicit_bounds) == BOUNDS
    assert len(point.bucket_counts) == len(BOUNDS) + 1
    assert (point.count, sum(point.bucket_counts)) == (3, 3)
    assert [point.sum, point.min, point.max] == pytest.approx([0.16, 0.02, 0.1])


def test_before_a_run_nothing_but_that_is_said(totals):
    assert set(metrics_of(totals)) == {"murmur.run_active"}


def test_an_action_is_a_span_from_its_start_to_its_end():
    action = Action("r1", "local", 7, "echo", due_at=1.0, started_at=2.0, ended_at=2.5, error="")

    (span,) = spans_of([action], RESOURCE)

    assert (span.name, span.start_time, span.end_time) == ("echo", 2 * 10**9, 25 * 10**8)
    assert span.parent is None
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes) == {
        "murmur.node": "local",
        "murmur.user": 7,
        "murmur.due_at": 1.0,
        "murmur.service_time": 0.5,
        "murmur.response_time": 1.5,
    }


def test_an_action_that_failed_is_a_span_in_error():
    action = Action("r1", "local", 7, "echo", 1.0, 1.0, 2.0, error="OSError")

    (span,) = spans_of([action], RESOURCE)

    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "OSError"


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(course, share):
    with pytest.raises(InvalidArgumentError, match="give a number between 0 and 1"):
        OpenTelemetry(course, spans=share)


def test_the_service_is_murmur_unless_somebody_knows_better(course, monkeypatch):
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)
    plain = OpenTelemetry(course)._resource("r1").attributes
    labelled = OpenTelemetry(course, labels={"service.name": "shop"})._resource("r1").attributes
    monkeypatch.setenv("OTEL_SERVICE_NAME", "checkout")
    named = OpenTelemetry(course)._resource("r1").attributes

    assert [each["service.name"] for each in (plain, labelled, named)] == [
        "murmur",
        "shop",
        "checkout",
    ]
    assert plain["murmur.run"] == "r1"


def test_without_its_package_it_says_what_to_install(course, monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'murmur-load\[otel\]'"):
        OpenTelemetry(course)
