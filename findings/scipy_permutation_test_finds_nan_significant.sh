#!/usr/bin/env bash
# Two equal samples, one time is NaN: SciPy's permutation_test has p = 0, the most significant there is.
#
# Version: scipy 1.17.1, numpy 2.4.6 (PyPI), Python 3.11.
# Guess before the run: the statistic is NaN and so is p, as with ttest_ind, mannwhitneyu and ks_2samp.
# Seen: 30 times and the same 30 times again: p = 0.999.  With one of them NaN the statistic is NaN and p is 0.0002, the
#   least that 9,999 permutations can give for two sides; where all are tried, of three times and three, p is 0, which
#   no permutation test can have, as what was seen is one of those that are tried.  No warning.  The other three tests
#   have NaN.
# So one request without a time makes any two versions of a service "different"; drop NaN first, or ask whether the
#   statistic is one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
cat > look.py <<'PY'
import math
import warnings

import numpy as np
from scipy import stats

warnings.simplefilter("error")


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.mean(one) - np.mean(other))


def p_value(one: list[float], other: list[float]) -> float:
    result = stats.permutation_test((one, other), difference, rng=1)
    print(f"{len(one)} and {len(other)} times: statistic {result.statistic:.3g}, p {result.pvalue:.3g}")
    return float(result.pvalue)


times = [0.1 + 0.01 * each for each in range(30)]
assert p_value(times, times) > 0.9
assert math.isclose(p_value([*times[:-1], math.nan], times), 2 / 10_000)
assert p_value([0.1, 0.2, math.nan], [0.1, 0.2, 0.3]) == 0
for test in (stats.ttest_ind, stats.mannwhitneyu, stats.ks_2samp):
    p = test([*times[:-1], math.nan], times).pvalue
    print(test.__name__, p)
    assert math.isnan(p)
PY
timeout 60 venv/bin/python look.py
