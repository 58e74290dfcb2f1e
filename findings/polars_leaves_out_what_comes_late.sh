#!/usr/bin/env bash
# polars reads a log of JSON lines in which failures have a key of their own: the key is not there.
#
# Version: polars 2.1.0, pandas 3.1.1 (PyPI), Python 3.11.
# Guess before the run: a key that first comes after the lines from which polars guesses the columns is an error, as a
#   value of another type there is, or becomes a column.
# Seen: 2,000 lines with "name" and "elapsed", then 5 with "error" as well: read_ndjson gives 2,005 rows and two
#   columns, without an error or a warning, and so does scan_ndjson; pandas has three columns and 5 errors.
#   With infer_schema_length=None polars has them, too.  An "elapsed" of 2.5 among integers is an error of polars there.
# So a test without failures in its first 100 answers has none in its table; give read_ndjson the schema, or
#   infer_schema_length=None.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check polars==2.1.0 pandas==3.1.1
cat > look.py <<'PY'
import json
import warnings

import pandas as pd
import polars as pl

warnings.simplefilter("error")
good = [{"name": "GET /", "elapsed": 5}] * 2_000
bad = [{"name": "GET /", "elapsed": 30_000, "error": "timeout"}] * 5


def write(name: str, rows: list[dict]) -> None:
    with open(name, "w") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


write("late.jsonl", good + bad)
for read in (pl.read_ndjson("late.jsonl"), pl.scan_ndjson("late.jsonl").collect()):
    print("polars:", read.shape, read.columns)
    assert read.shape == (2_005, 2)
    assert "error" not in read.columns
whole = pl.read_ndjson("late.jsonl", infer_schema_length=None)
assert whole["error"].count() == 5
seen = pd.read_json("late.jsonl", lines=True)
print("pandas:", seen.shape, list(seen.columns), seen["error"].count(), "errors")
assert seen["error"].count() == 5
write("fraction.jsonl", [*good, {"name": "GET /", "elapsed": 2.5}])
try:
    pl.read_ndjson("fraction.jsonl")
    raise SystemExit("polars read a fraction among integers")
except pl.exceptions.ComputeError as error:
    print("polars:", error)
PY
timeout 60 venv/bin/python look.py
