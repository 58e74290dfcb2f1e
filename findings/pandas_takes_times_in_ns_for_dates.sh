#!/usr/bin/env bash
# pandas.read_json: a "response_time" of 40 ms in nanoseconds is April 1971, unless one answer was fast.
#
# Version: pandas 3.1.1 (PyPI), Python 3.11.
# Guess before the run: numbers of a log of JSON lines are numbers.
# Seen: response_time 40000000, 52000000, 33000000 are dates (datetime64[us], 1971-04-08 23:06:40 the first); the same
#   numbers under "elapsed" are integers.  With 1200000 as a fourth all four are integers again.  A column whose name
#   ends with "_time" or "_at", or begins with "timestamp", is taken for seconds since 1970 where each of its
#   numbers is above 31,536,000: 31.5 ms in nanoseconds, 31.5 s in microseconds.  dtype={"response_time": "int64"}
#   does not hinder it.
# So the same script gets dates from a slow system and numbers from a fast one; give read_json dtype=False.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pandas==3.1.1
cat > look.py <<'PY'
import io
import json

import pandas as pd


def read(*times: int, **options: object) -> pd.DataFrame:
    rows = (json.dumps({"name": "GET /", "response_time": each, "elapsed": each}) for each in times)
    return pd.read_json(io.StringIO("\n".join(rows)), lines=True, **options)


slow = (40_000_000, 52_000_000, 33_000_000)
dates, numbers, told = read(*slow), read(*slow, 1_200_000), read(*slow, dtype=False)
print(dates, numbers, sep="\n")
assert dates["response_time"].dtype == "datetime64[us]"
assert dates["response_time"].iloc[0] == pd.Timestamp("1971-04-08 23:06:40")
assert read(*slow, dtype={"response_time": "int64"})["response_time"].dtype == "datetime64[us]"
assert dates["elapsed"].dtype == "int64"
assert numbers["response_time"].tolist() == [*slow, 1_200_000]
assert told["response_time"].tolist() == list(slow)
PY
timeout 60 venv/bin/python look.py
