from __future__ import annotations

import math
import sys

import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from murmur.errors import InvalidArgumentError, MissingExtraError
from murmur.exporters import METRICS, Prometheus
from murmur.recording import FRAMES


@pytest.fixture
def exporter(course):
    exporter = Prometheus(course, labels={"test": "nightly"})
    course.relay.attach(exporter.totals)  # as its start does, without listening anywhere
    return exporter


def families(exporter: Prometheus) -> dict:
    text = generate_latest(exporter.registry).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def everything(course) -> None:
    """Record at least one of whatever there is a metric for."""
    course.act("echo", 0.01, 0.04, 0.3, late=0.5)
    course.fail("echo", TimeoutError("slow"))
    course.hang("echo", -10.0)
    recorder = course.on()
    recorder.count("bytes", 7)
    recorder.gauge("rooms", 2.5)
    recorder.user_gone(1, "finished", None, 0.0, 0.0, 1.0)
    recorder.population(1.0, waiting=0, running=2, leaving=0)
    for name, about in (("throttles", "logins"), ("health", "")):
        values = {column.name: 1.0 for column in FRAMES[name].measured if column.dtype != "str"}
        recorder.sample(name, 1.0, values, name=about)
    course.flush()


def test_every_metric_is_served_with_its_help_type_and_labels(course, exporter):
    everything(course)

    found = families(exporter)

    assert set(found) == {metric.prometheus_name for metric in METRICS.values()}
    for metric in METRICS.values():
        family = found[metric.prometheus_name]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == {*metric.labels, "test"}


def test_names_follow_prometheus_conventions(course, exporter):
    everything(course)

    samples = {sample.name for family in families(exporter).values() for sample in family.samples}

    assert {
        "murmur_users",
        "murmur_users_gone_total",
        "murmur_actions_total",
        "murmur_actions_failed_total",
        "murmur_response_time_seconds_bucket",
        "murmur_response_time_seconds_sum",
        "murmur_response_time_seconds_count",
        "murmur_generator_resident_memory_bytes",
    } <= samples


def test_buckets_are_cumulative_and_end_with_the_count(course, exporter):
    everything(course)

    samples = families(exporter)["murmur_service_time_seconds"].samples
    buckets = {
        float(sample.labels["le"]): sample.value
        for sample in samples
        if sample.name.endswith("_bucket")
    }
    (count,) = [sample.value for sample in samples if sample.name.endswith("_count")]

    assert buckets[0.007] == 0
    assert buckets[0.015] == 1
    assert buckets[0.05] == 2
    assert buckets[0.5] == buckets[math.inf] == count == 3


def test_it_can_be_had_as_openmetrics(course, exporter):
    everything(course)

    text = openmetrics.generate_latest(exporter.registry).decode()

    found = list(openmetrics_parser.text_string_to_metric_families(text))
    units = {family.name: family.unit for family in found}
    assert units["murmur_response_time_seconds"] == "seconds"
    assert text.endswith("# EOF\n")


def test_text_of_a_scenario_can_be_anything(course, exporter):
    name = 'say "hi"\n\\ to Zoë'
    course.act(name, 0.1)
    course.flush()

    (sample,) = families(exporter)["murmur_actions"].samples

    assert sample.labels["action"] == name


def test_its_repr_says_whether_it_listens(course):
    assert repr(Prometheus(course, host="::1")) == "<Prometheus: stopped>"
    assert Prometheus(course, host="::1").url == "http://[::1]:9090/metrics"


def test_without_its_package_it_says_what_to_install(course, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'murmur-load\[prometheus\]'"):
        Prometheus(course)


@pytest.mark.parametrize("name", ["node", "action", "run", "le", "quantile"])
def test_a_label_that_series_have_already_is_refused(course, name):
    with pytest.raises(
        InvalidArgumentError, match=f"has a label '{name}' of its own: .*'my_{name}'"
    ):
        Prometheus(course, labels={name: "lab"})


@pytest.mark.parametrize("name", ["", "1st", "service.name", "__name__", "größe", "a b", "a\n"])
def test_a_label_that_prometheus_would_not_take_is_refused(course, name):
    with pytest.raises(InvalidArgumentError, match="cannot call a label"):
        Prometheus(course, labels={name: "lab"})
