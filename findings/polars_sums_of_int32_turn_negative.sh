#!/usr/bin/env bash
# polars: 1,000 answers of 3 MB are -1,294,967,296 bytes altogether.
#
# Version: polars 2.1.0, pandas 3.1.1, pyarrow 26.0.1, duckdb 2.0.0 (PyPI), Python 3.11.
# Guess before the run: a sum of small integers is made in 64 bits, as it is for Int8 and Int16 in polars and for all
#   of them in pandas, Arrow and DuckDB.
# Seen: polars' sum of Int32 is Int32 and goes round at 2 ** 31 without a word: alone, by group, and on the streaming
#   engine; the mean is right.  Int16 gives an Int64.  The same column is 3,000,000,000 in the other three.
#   `len()` is a UInt32, so that 2 answers less 5 expected are 4,294,967,293.
# So totals of bytes or microseconds from a file with 32-bit columns may be negative, or positive and wrong; cast to
#   Int64 before sums and differences.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
  polars==2.1.0 pandas==3.1.1 pyarrow==26.0.1 duckdb==2.0.0
cat > look.py <<'PY'
import duckdb
import pandas as pd
import polars as pl
import pyarrow.compute as pc
import pyarrow.parquet as pq

frame = pl.DataFrame({"node": ["a"] * 1_000, "size": pl.Series([3_000_000] * 1_000, dtype=pl.Int32)})
frame.write_parquet("sizes.parquet")
size = pl.col("size")
by_node = frame.lazy().group_by("node").agg(size.sum().alias("sum"), size.mean().alias("mean"), pl.len())
wrapped = {
    "alone": frame["size"].sum(),
    "by group": by_node.collect()["sum"].item(),
    "streaming": by_node.collect(engine="streaming")["sum"].item(),
}
others = {
    "pandas": int(pd.read_parquet("sizes.parquet")["size"].sum()),
    "pyarrow": pc.sum(pq.read_table("sizes.parquet")["size"]).as_py(),
    "duckdb": duckdb.sql("select sum(size) from 'sizes.parquet'").fetchall()[0][0],
}
print("polars:", wrapped, "mean", by_node.collect()["mean"].item())
print("others:", others)
assert set(wrapped.values()) == {-1_294_967_296}
assert set(others.values()) == {3_000_000_000}
assert by_node.collect()["mean"].item() == 3_000_000
assert pl.Series([30_000] * 10, dtype=pl.Int16).sum() == 300_000
missing = frame.head(2).group_by("node").agg(pl.len() - 5)["len"].item()
print("2 - 5 =", missing)
assert missing == 2**32 - 3
PY
timeout 60 venv/bin/python look.py
