#!/usr/bin/env bash
# The mean of 1 s and 2 s is 1 s, and so is their median: in pandas, polars and numpy, by the column's unit.
#
# Version: pandas 3.1.1, polars 2.1.0, pyarrow 26.0.1, numpy 2.4.6 (PyPI), Python 3.11.
# Guess before the run: numpy cuts, as its times are integers; pandas and polars give 1.5 s, whatever the unit.
# Seen: timedelta64[s] of 1 s and 2 s: mean, median and quantile(0.5) are 1 s, alone and by group, the standard deviation
#   is 0 s (0.7 s in truth), and half of 1 s is 0 s.  In [ms] the same with milliseconds: ten answers of 0 to 9 ms
#   are 4 ms on average, for 4.5.  polars cuts the mean and median of its Duration("ms") alike.  A column of
#   milliseconds comes so from a Parquet file that has them: pandas keeps the file's unit.
# So short times look shorter than they were, by up to a unit; take `.dt.as_unit("ns")`, or `.dt.total_seconds()`, before
#   any arithmetic.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pandas==3.1.1 polars==2.1.0 pyarrow==26.0.1 numpy==2.4.6
cat > look.py <<'PY'
from datetime import timedelta

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

seconds = pd.Series(np.array([1, 2], dtype="m8[s]"))
group = seconds.groupby([0, 0])
means = {
    "mean": seconds.mean(),
    "median": seconds.median(),
    "quantile": seconds.quantile(0.5),
    "mean of the group": group.mean().item(),
    "median of the group": group.median().item(),
}
print("1 s and 2 s:", means, "std", seconds.std(), "half of the first", (seconds / 2).iloc[0])
assert set(means.values()) == {pd.Timedelta("1s")}
assert seconds.std() == (seconds / 2).iloc[0] == pd.Timedelta(0)
assert seconds.dt.as_unit("ns").mean() == pd.Timedelta("1.5s")

pq.write_table(pa.table({"took": pa.array(range(10), pa.duration("ms"))}), "took.parquet")
read = {"pandas": pd.read_parquet("took.parquet")["took"], "polars": pl.read_parquet("took.parquet")["took"]}
for name, took in read.items():
    print(name, "0 to 9 ms:", took.dtype, "mean", took.mean(), "median", took.median())
    assert took.mean() == took.median() == timedelta(milliseconds=4)
assert read["pandas"].dt.as_unit("ns").mean() == timedelta(microseconds=4500)
PY
timeout 60 venv/bin/python look.py
