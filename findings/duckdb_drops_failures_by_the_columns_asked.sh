#!/usr/bin/env bash
# DuckDB finds 5,000 failures in a log, or none: it depends on which other column the query names.
#
# Version: duckdb 2.0.0 (PyPI), Python 3.11.
# Guess before the run: with ignore_errors a row of a CSV that does not fit the guessed types is left out, whatever
#   the query; so each query sees the same rows.
# Seen: 30,000 rows with responseCode 200 and then 5,000 of time-outs, whose code is a text, as JMeter writes it;
#   DuckDB guesses BIGINT from the first 20,480.  `count(*)` is 35,000, 5,000 of them not successful, the slowest
#   30 s.  The same three figures in a query that also has `count(distinct responseCode)` are 30,000, 0 and
#   6 ms.  Only a column that is used is converted, and only what is converted can fail.
# So one more column in a report makes all failures disappear; give read_csv the types instead of ignore_errors.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.0
cat > look.py <<'PY'
import duckdb

with open("log.csv", "w", encoding="utf-8") as file:
    file.write("elapsed,responseCode,success\n")
    for number in range(30_000):
        file.write(f"{number % 7},200,true\n")
    for _ in range(5_000):
        file.write("30000,Non HTTP response code: SocketTimeout,false\n")
FIGURES = "count(*), count(*) filter (not success), max(elapsed)"
LOG = "read_csv('log.csv', ignore_errors = true)"
alone = duckdb.sql(f"select {FIGURES} from {LOG}").fetchall()[0]
beside = duckdb.sql(f"select {FIGURES}, count(distinct responseCode) from {LOG}").fetchall()[0]
print("rows, failures, slowest:", *alone)
print("with the codes counted: ", *beside[:3])
assert alone == (35_000, 5_000, 30_000)
assert beside == (30_000, 0, 6, 1)
PY
timeout 60 venv/bin/python look.py
