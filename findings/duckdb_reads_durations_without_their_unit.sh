#!/usr/bin/env bash
# The same times in Parquet files of pandas, polars and pyarrow: DuckDB reads whole numbers, 1500, 1500000 or more.
#
# Version: duckdb 2.0.1, pandas 3.1.1, polars 2.1.0, pyarrow 26.0.1 (PyPI), Python 3.11.
# Guess before the run: a column of durations is an INTERVAL, as it is where DuckDB reads the same table from memory.
# Seen: it is a BIGINT, and 1.5 s is 1500, 1500000 or 1500000000, by the unit in which the program that wrote the file
#   kept it: ms, us and ns.  Parquet has no type for durations; the unit is in a note of Arrow's beside the columns,
#   which pandas, polars and pyarrow read and DuckDB does not.  The mean
#   of 1.5 s in ms and 1.5 s in us is 750750.
# So a percentile over results of two runs can be a thousand times too large without an error; write durations as a
#   number of seconds with the unit in its name, or hand DuckDB the table instead of the file.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1 pandas==3.1.1 polars==2.1.0 pyarrow==26.0.1
cat > look.py <<'PY'
from datetime import timedelta

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet

LONG = timedelta(seconds=1.5)


def asked(query: str) -> tuple:
    return duckdb.sql(query).fetchall()[0]


tables = {unit: pa.table({"took": pa.array([LONG], pa.duration(unit))}) for unit in ("ms", "us", "ns")}
for unit, table in tables.items():
    pa.parquet.write_table(table, f"pyarrow_{unit}.parquet")
pd.DataFrame({"took": [LONG]}).astype("timedelta64[ms]").to_parquet("pandas_ms.parquet")
pl.DataFrame({"took": [LONG]}).write_parquet("polars_us.parquet")
seen = {}
for name in ("pyarrow_ms", "pandas_ms", "pyarrow_us", "polars_us", "pyarrow_ns"):
    file = f"{name}.parquet"
    kind, took = asked(f"select typeof(took), took from '{file}'")
    print(f"{name}: {kind} {took}; polars {pl.read_parquet(file)['took'][0]}, pandas {pd.read_parquet(file)['took'][0]}")
    assert kind == "BIGINT"
    assert pl.read_parquet(file)["took"][0] == pd.read_parquet(file)["took"][0] == LONG
    seen[name] = took
assert seen["pyarrow_ms"] == seen["pandas_ms"] == 1_500
assert seen["pyarrow_us"] == seen["polars_us"] == 1_500_000
assert seen["pyarrow_ns"] == 1_500_000_000
(mean,) = asked("select avg(took) from read_parquet(['pandas_ms.parquet', 'polars_us.parquet'])")
print("mean of 1.5 s of pandas and 1.5 s of polars:", mean)
assert mean == 750_750
here = tables["us"]  # DuckDB finds it by this name
kind, took = asked("select typeof(took), took from here")
print("the same table from memory:", kind, took)
assert (kind, took) == ("INTERVAL", LONG)
PY
timeout 60 venv/bin/python look.py
