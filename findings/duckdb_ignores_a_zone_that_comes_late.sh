#!/usr/bin/env bash
# A log's times get an offset, "+02:00", after 21,000 lines: DuckDB drops it, and they are two hours off.
#
# Version: duckdb 2.0.0 (PyPI), Python 3.11.
# Guess before the run: times without an offset are a TIMESTAMP; one with an offset, further down, is brought to UTC
#   or is an error, and so is a time of day in a column that began with dates.
# Seen: "2026-11-30 10:00:00+02:00" is read as 10:00:00, the same as the line before it without an offset, though
#   it is 08:00 in UTC.  After 21,000 dates "2026-11-30 13:14:15" is the
#   date.  Neither is an error or a warning.
# So logs of two machines in one file may be hours apart without a trace; give read_csv the types.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv here
here/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.0
cat > look.py <<'PY'
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb


def late(first: str, last: str) -> list[tuple]:
    """Return type and value of the last line, after 21,000 of another form."""
    Path("log.csv").write_text("\n".join(["moment", *[first] * 21_000, last]))
    return duckdb.sql("select typeof(moment), moment from (from read_csv('log.csv') offset 21000)").fetchall()


zone = late("2026-11-30 10:00:00", "2026-11-30 10:00:00+02:00")
day = late("2026-11-30", "2026-11-30 13:14:15")
truth = datetime.fromisoformat("2026-11-30 10:00:00+02:00").astimezone(UTC)
print(zone, day)
assert zone == [("TIMESTAMP", datetime(2026, 11, 30, 10))]
assert day == [("DATE", date(2026, 11, 30))]
assert truth.hour == 8
PY
timeout 60 here/bin/python look.py
