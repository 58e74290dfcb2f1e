from __future__ import annotations

import itertools
import re
from pathlib import Path

from murmur.exporters import BOUNDS, METRICS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "exported-metrics.md"


def test_every_metric_has_its_heading_on_the_page_of_exported_metrics():
    text = PAGE.read_text(encoding="utf-8")
    entries = re.findall(r"^### `(\w+)`\n\n(.+)\n(\w+)(?: by (.+))?\.$", text, re.MULTILINE)

    assert {
        (name, meaning, kind.lower(), tuple(re.findall(r"`(\w+)`", labels)))
        for name, meaning, kind, labels in entries
    } == {
        (
            metric.prometheus_name + ("_total" if metric.kind == "counter" else ""),
            metric.help,
            metric.kind,
            metric.labels,
        )
        for metric in METRICS.values()
    }
    assert len(entries) == len(METRICS)


def test_labels_and_bounds_are_on_the_page_too():
    text = PAGE.read_text(encoding="utf-8")

    assert ", ".join(f"{bound:g}" for bound in BOUNDS) in text
    for metric in METRICS.values():
        assert all(f"`{label}`" in text for label in metric.labels)


def test_bounds_rise_by_at_most_a_factor_of_two():
    assert all(1.3 < high / low <= 2 for low, high in itertools.pairwise(BOUNDS))


def test_a_name_has_no_type_and_no_unit_twice():
    for metric in METRICS.values():
        words = metric.prometheus_name.split("_")
        assert not {"counter", "gauge", "histogram", "total"} & set(words)
        assert words.count(metric.unit) == (1 if metric.unit else 0)
