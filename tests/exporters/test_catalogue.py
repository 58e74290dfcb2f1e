from __future__ import annotations

import itertools
import re
from pathlib import Path

from murmur.exporters import BOUNDS, METRICS
from murmur.recording import FRAMES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "exported-metrics.md"


def test_every_metric_is_in_one_block_of_the_page_of_exported_metrics():
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\{generated\} metrics\n(.+)\n```$", text, re.MULTILINE)

    for metric in METRICS.values():
        assert sum(metric.name.startswith(tuple(words.split())) for words in blocks) == 1, metric


def test_labels_and_bounds_are_on_the_page_too():
    text = PAGE.read_text(encoding="utf-8")

    assert ", ".join(f"{bound:g}" for bound in BOUNDS) in text
    for metric in METRICS.values():
        assert all(f"`{label}`" in text for label in metric.labels)


def test_every_exported_column_is_a_metric_that_says_what_the_column_means():
    exported = [
        (frame, column) for frame in FRAMES.values() for column in frame.columns if column.metric
    ]

    assert len(exported) >= 15
    for frame, column in exported:
        metric = METRICS[f"{frame.metrics}_{column.metric}"]
        assert metric.help == column.meaning
        assert (metric.kind == "counter") == (column.merge == "sum")


def test_bounds_rise_by_at_most_a_factor_of_two():
    assert all(1.3 < high / low <= 2 for low, high in itertools.pairwise(BOUNDS))


def test_a_name_has_no_type_and_no_unit_twice():
    for metric in METRICS.values():
        words = metric.prometheus_name.split("_")
        assert not {"counter", "gauge", "histogram", "total"} & set(words)
        assert words.count(metric.unit) == (1 if metric.unit else 0)
