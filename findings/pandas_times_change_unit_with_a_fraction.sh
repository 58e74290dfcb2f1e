#!/usr/bin/env bash
# One fraction among the seconds, and pandas' times are in another unit: integers of them differ by 1,000.
#
# Version: pandas 3.1.1 (PyPI), Python 3.11.
# Guess before the run: `to_datetime(..., unit=...)` gives one resolution, that of the unit, whatever the values;
#   and `merge_asof` brings two resolutions together, as `merge` does.
# Seen: a column of whole seconds (integers, or floats such as 1.0) becomes datetime64[us], one in which any value has
#   a fraction datetime64[ns]: astype("int64") of the same instant is 1700000000000000 or 1700000000000000000.
#   merge joins the two, merge_asof refuses: "incompatible merge keys".  to_timedelta does the same.
# So a script that divides by 10 ** 9 is right for one log and wrong by 1,000 for the next; set the unit
#   (`.dt.as_unit`) before times become numbers or keys.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pandas==3.1.1
cat > look.py <<'PY'
import pandas as pd

AT = 1_700_000_000  # s
sent = pd.DataFrame({"at": pd.to_datetime([AT, AT + 1], unit="s"), "sent": [1, 2]})
answered = pd.DataFrame({"at": pd.to_datetime([AT, AT + 1.5], unit="s"), "answered": [1, 2]})
for name, frame in (("whole", sent), ("with a fraction", answered)):
    print(f"{name}: {frame['at'].dtype}, {frame['at'].astype('int64')[0]}")
assert str(sent["at"].dtype) == "datetime64[us]"
assert str(answered["at"].dtype) == "datetime64[ns]"
assert answered["at"].astype("int64")[0] == 1_000 * sent["at"].astype("int64")[0]
spans = [str(pd.to_timedelta(values, unit="s").dtype) for values in ([1, 2], [1, 2.5])]
print("spans:", *spans)
assert spans == ["timedelta64[us]", "timedelta64[ns]"]
assert len(sent.merge(answered, on="at")) == 1
try:
    pd.merge_asof(sent, answered, on="at")
except pd.errors.MergeError as error:
    print(error)
else:
    raise AssertionError("merge_asof joined them")
PY
timeout 60 venv/bin/python look.py
