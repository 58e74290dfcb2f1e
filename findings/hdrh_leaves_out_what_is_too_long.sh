#!/usr/bin/env bash
# A histogram up to 60 s, nine answers of 5 ms and a time-out of 70 s: hdrh counts nine, and says nothing.
#
# Version: hdrhistogram 0.10.8 (PyPI, module hdrh), Python 3.11.
# Guess before the run: a value above the histogram's greatest is an exception, as in the original for Java.
# Seen: `record_value(70_000)` returns False and raises nothing: 9 values, a maximum of 5, p99 and mean 5.  -1 is left
#   out alike, 0.4 is counted as 0.
# So the longest answers are the ones that go missing, and p99 and maximum look best when it is worst; look at what
#   `record_value` returns, and choose a range far above the longest time-out.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check hdrhistogram==0.10.8
cat > look.py <<'PY'
from hdrh.histogram import HdrHistogram


def made(*milliseconds: float) -> HdrHistogram:
    histogram = HdrHistogram(1, 60_000, 2)
    told = [histogram.record_value(each) for each in milliseconds]
    seen = {
        "counted": histogram.get_total_count(),
        "maximum": histogram.get_max_value(),
        "p99": histogram.get_value_at_percentile(99),
        "mean": histogram.get_mean_value(),
    }
    print(milliseconds, "returned", told, seen)
    assert told == [0 <= each <= 60_000 for each in milliseconds]
    return histogram


histogram = made(*[5] * 9, 70_000)
assert (histogram.get_total_count(), histogram.get_max_value(), histogram.get_mean_value()) == (9, 5, 5)
assert histogram.get_value_at_percentile(99) == 5
assert made(-1, 5).get_total_count() == 1
assert made(0.4).get_max_value() == 0
PY
timeout 60 venv/bin/python look.py
