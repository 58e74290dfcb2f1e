#!/usr/bin/env bash
# Of 1,000 answers numpy's 99.9th percentile is the slowest one, where its own definition says the one before.
#
# Version: numpy 2.4.6 (PyPI), Python 3.11.
# Guess before the run: method="inverted_cdf" is the least value that 99.9 % do not exceed, so the 999th of 1,000;
#   rounding matters where q times n is no whole number, if anywhere.
# Seen: percentile(range(1, 1001), 99.9, method="inverted_cdf") is 1000; of 2,000 it is the 1,999th, of 10,000 the
#   9,991st and of 100,000 the 99,901st, each time one too far.  99.9 / 100 is a hair above 0.999 as a float, and
#   nothing makes up for it.  quantile(..., 0.999) of the same is right.  At 7, 14, 28, 55 and 56 % of 100 values it is
#   one too far as well; 50, 75, 90, 95, 99 and 99.99 % are right for each length from 10 to 3,000.
# So one answer of 30 s in 1,000 is the p99.9 of a report that counts in percent, and no part of one that counts in
#   fractions: ask numpy for quantiles.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6
cat > look.py <<'PY'
from fractions import Fraction

import numpy as np

USUAL = ("50", "75", "90", "95", "99", "99.99")


def percentile(percent: float, values: int) -> int:
    return int(np.percentile(np.arange(1, values + 1), percent, method="inverted_cdf"))


seen = {values: percentile(99.9, values) for values in (1_000, 2_000, 10_000, 100_000)}
print("99.9 % of 1 ... n:", seen)
assert seen == {values: values * 999 // 1_000 + 1 for values in seen}
fractions = {values: int(np.quantile(np.arange(1, values + 1), 0.999, method="inverted_cdf")) for values in seen}
print("0.999 of 1 ... n: ", fractions)
assert fractions == {values: values * 999 // 1_000 for values in seen}
wrong = [percent for percent in range(1, 100) if percentile(percent, 100) != percent]
print("one too far of 1 ... 100:", wrong)
assert wrong == [7, 14, 28, 55, 56]
for each in USUAL:
    for values in range(10, 3_001):
        rank = Fraction(each) * values / 100
        assert rank.denominator > 1 or percentile(float(each), values) == rank
answers = np.array([0.005] * 999 + [30.0])
print("999 of 5 ms, one of 30 s:", np.percentile(answers, 99.9, method="inverted_cdf"), "s")
assert np.percentile(answers, 99.9, method="inverted_cdf") == 30.0
PY
timeout 60 venv/bin/python look.py
