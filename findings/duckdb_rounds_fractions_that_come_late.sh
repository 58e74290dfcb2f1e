#!/usr/bin/env bash
# 21,000 whole numbers in a log, then fractions: DuckDB rounds all of those, and 0.4 s becomes 0.
#
# Version: duckdb 2.0.0 (PyPI), Python 3.11.
# Guess before the run: a number that does not fit the type guessed from the first 20,480 lines is an error, as a
#   text there is in a CSV, and a key that is new there in JSON lines.
# Seen: 21,000 lines with the value 1, 999 with 0.4 and one with 2.6, as CSV and as JSON lines: the column is a
#   BIGINT, its least value 0, its greatest 3 and its sum 21,003, without an error or a warning and without
#   ignore_errors.  With sample_size=-1 it is a DOUBLE and the sum 21,402.2.
# A log whose counters come before its durations, or whose first times are all 0, is such a file.  So give the reader
#   the columns, or sample_size=-1; times that are all whole numbers are a hint.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv here
here/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.0
cat > look.py <<'PY'
import json
from pathlib import Path

import duckdb

values = [1] * 21_000 + [0.4] * 999 + [2.6]
Path("log.json").write_text("\n".join(json.dumps({"value": value}) for value in values))
Path("log.csv").write_text("\n".join(["value", *map(str, values)]))
ASKED = "select any_value(typeof(value)), count(*), min(value), max(value), round(sum(value), 3) from "
for name in ("csv", "json"):
    guessed = duckdb.sql(f"{ASKED} read_{name}('log.{name}')").fetchall()
    right = duckdb.sql(f"{ASKED} read_{name}('log.{name}', sample_size=-1)").fetchall()
    print(f"{name}: {guessed} with the type guessed from the first lines, {right} from all")
    assert guessed == [("BIGINT", 22_000, 0, 3, 21_003)]
    assert right == [("DOUBLE", 22_000, 0.4, 2.6, 21_402.2)]
PY
timeout 60 here/bin/python look.py
