#!/usr/bin/env bash
# Rows whose error is not "timeout": pandas finds eight, or one, by how the column of texts is kept.
#
# Version: pandas 3.1.1, pyarrow 26.0.1 (PyPI), Python 3.11.
# Guess before the run: a row without an error has no "timeout", so `log[log.error != "timeout"]` has it, whatever the
#   dtype of the column; at most NA in a mask is an error, as it is where a mask is an object.
# Seen: seven answers without an error, two time-outs, a reset.  As object, str (what pandas 3 makes itself) or category
#   it is eight rows; as string, or as what dtype_backend= makes, one.  `log[~(log.error == "timeout")]` has one there
#   as well; `log.query("error != 'timeout'")`, the same question of the same log, has eight.
# So a report finds other numbers in the same file once it is read with dtype_backend, or once a mask is written as a
#   query; use `~log.error.isin(["timeout"])`, which has eight everywhere.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pandas==3.1.1 pyarrow==26.0.1
cat > look.py <<'PY'
import io
import warnings

import pandas as pd

warnings.simplefilter("error")
FILE = "name,error\n" + "GET /,\n" * 7 + "GET /,timeout\n" * 2 + "GET /,reset\n"


def rows(log: pd.DataFrame) -> dict[str, int]:
    error = log["error"]
    return {
        "!=": len(log[error != "timeout"]),
        "not ==": len(log[~(error == "timeout")]),
        "query": len(log.query("error != 'timeout'")),
        "not isin": len(log[~error.isin(["timeout"])]),
    }


itself = pd.read_csv(io.StringIO(FILE))
logs = {
    "itself": itself,
    "object": itself.astype({"error": "object"}),
    "category": itself.astype({"error": "category"}),
    "string": itself.astype({"error": "string"}),
    "numpy_nullable": pd.read_csv(io.StringIO(FILE), dtype_backend="numpy_nullable"),
    "pyarrow": pd.read_csv(io.StringIO(FILE), dtype_backend="pyarrow"),
}
for name, log in logs.items():
    found = rows(log)
    print(f"{name:15} {log['error'].dtype!s:15} {found}")
    all_of_them = name in ("itself", "object", "category")
    assert found["!="] == found["not =="] == (8 if all_of_them else 1)
    assert found["query"] == found["not isin"] == 8
PY
timeout 60 venv/bin/python look.py
