#!/usr/bin/env bash
# An ordered category of pandas comes back from polars without its order, and without unused values.
#
# Version: pandas 3.1.1, polars 2.1.0, pyarrow 26.0.1 (PyPI), Python 3.11.
# Guess before the run: Parquet keeps "ordered" in the Arrow schema, so polars reads the column as an
#   Enum with all its values, and pandas gets the same dtype back from what polars wrote.
# Seen: polars reads a Categorical, sorts it by the alphabet, and writes it unordered, without the value
#   that no row has.  The other way an Enum of polars does become an ordered category of pandas.
# So cast to polars.Enum after reading where the order means something, such as "low" below "high".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "pandas==3.1.1" "polars==2.1.0" "pyarrow==26.0.1"
cat > look.py <<'PY'
import pandas as pd
import polars as pl

kind = pd.CategoricalDtype(["low", "high", "none"], ordered=True)
pd.DataFrame({"load": pd.Series(["high", "low"], dtype=kind)}).to_parquet("a.parquet")
read = pl.read_parquet("a.parquet")
read.write_parquet("b.parquet")
back = pd.read_parquet("b.parquet")["load"].dtype
print("polars:", read.schema["load"], "sorted:", read.sort("load")["load"].to_list())
print("back in pandas: ordered", back.ordered, "values", sorted(back.categories))
pl.DataFrame({"load": pl.Series(["high"], dtype=pl.Enum(["low", "high"]))}).write_parquet("c.parquet")
enum = pd.read_parquet("c.parquet")["load"].dtype
print("an Enum in pandas: ordered", enum.ordered, "values", list(enum.categories))
assert read.schema["load"] == pl.Categorical
assert read.sort("load")["load"].to_list() == ["high", "low"]
assert (back.ordered, sorted(back.categories)) == (False, ["high", "low"])
assert (enum.ordered, list(enum.categories)) == (True, ["low", "high"])
PY
timeout 60 venv/bin/python look.py
