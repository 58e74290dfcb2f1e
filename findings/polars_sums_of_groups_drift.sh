#!/usr/bin/env bash
# polars: 20 million times of 0.1 s in one group are 2,175,874 s altogether, and 0.1 s on average.
#
# Version: polars 2.1.0, numpy 2 (PyPI), Python 3.11.
# Guess before the run: a sum of Float32 is made in halves or in 64 bits, as polars' own `sum` of a column and the sums
#   of numpy and pandas are, so that it is right to six digits in a group as well.
# Seen: without a group 2,000,000.1; by `group_by` on the streaming engine 2,175,874, which is 8.8 % too much (with 5
#   million 2.4 % too little), and in memory with four groups 502,979 for 500,000.  The mean of the same
#   groups is 0.1 to eight digits, so sum and mean times count do not agree.
# So a total of bytes or of seconds by node or endpoint may be off by percents, where the total of all is right; cast
#   to Float64 before the sum.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check polars==2.1.0 "numpy>=2,<3"
cat > look.py <<'PY'
import numpy as np
import polars as pl

COUNT = 20_000_000
frame = pl.DataFrame({"node": np.zeros(COUNT, dtype=np.int8), "took": np.full(COUNT, 0.1, dtype=np.float32)})
took = pl.col("took")
alone = frame.select(took.sum()).item()
figures = frame.lazy().group_by("node").agg(took.sum().alias("sum"), took.mean().alias("mean"))
grouped = figures.collect(engine="streaming").to_dicts()[0]
four = frame.with_columns(node=pl.Series(np.arange(COUNT, dtype=np.int32) % 4))
in_memory = four.group_by("node").agg(took.sum()).sort("node")["took"].to_list()
other = float(frame["took"].to_numpy().sum())
print(f"alone {alone:,.1f}; group, streaming {grouped['sum']:,.1f}, mean {grouped['mean']:.8f}; numpy {other:,.1f}")
print("four groups in memory:", *(f"{each:,.1f}" for each in in_memory))
assert abs(alone - 2_000_000) < 1 > abs(other - 2_000_000)
assert abs(grouped["mean"] - 0.1) < 1e-8
assert abs(grouped["sum"] - 2_000_000) > 20_000
assert abs(in_memory[0] - 500_000) > 500
PY
timeout 90 venv/bin/python look.py
