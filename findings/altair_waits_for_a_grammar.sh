#!/usr/bin/env bash
# `import altair` takes several times as long where a package is installed that it never uses.
#
# Version: altair 6.3.0, jsonschema 4.26.0, rfc3987-syntax 1.1.0 and lark 1.3.1 (PyPI), Python 3.11.
# Guess before the run: altair validates charts with jsonschema, whose optional formats are imported when
#   one is checked; so the package beside it costs nothing, or a few milliseconds.
# Seen: jsonschema imports every package of formats it can find when it is itself imported, and
#   rfc3987_syntax builds an Earley parser for the whole grammar of URIs in its module: 0.30 s of CPU
#   without it, 1.61 s with it.  JupyterLab brings it (jupyter-events asks for jsonschema's
#   `format-nongpl`), so the first chart of a notebook pays for it.
# So a time of a first chart says little without the list of what is installed beside.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > look.py <<'PY'
import sys
import time

began = time.process_time()
import altair

print(round(time.process_time() - began, 3), "rfc3987_syntax" in sys.modules)
PY
python3 -m venv plain
plain/bin/pip install --quiet --disable-pip-version-check altair==6.3.0 jsonschema==4.26.0
python3 -m venv beside
beside/bin/pip install --quiet --disable-pip-version-check \
  altair==6.3.0 jsonschema==4.26.0 rfc3987-syntax==1.1.0 lark==1.3.1
for number in 1 2 3 4; do # the first compiles
  for name in plain beside; do timeout 60 "$name/bin/python" look.py | tee -a "$name.txt"; done
done
python3 - <<'PY'
from pathlib import Path
from statistics import median


def read(name):
    rows = [line.split() for line in Path(f"{name}.txt").read_text().splitlines()][1:]
    return median(float(seconds) for seconds, _ in rows), {loaded for _, loaded in rows}


(plain, without), (beside, with_it) = read("plain"), read("beside")
print(f"import altair: {plain:.2f} s, and {beside:.2f} s beside rfc3987-syntax")
assert without == {"False"}
assert with_it == {"True"}
assert beside > 1.5 * plain
PY
