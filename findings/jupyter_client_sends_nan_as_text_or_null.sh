#!/usr/bin/env bash
# A widget or an output has a NaN: the browser gets the text "nan", or null, by a package that nobody imports.
#
# Version: jupyter_client 8.10.0, orjson 3.13.0, numpy 2.4.6 (PyPI), Python 3.11.
# Guess before the run: an error, or the NaN that Python's json writes, and the same wherever jupyter_client is.
# Seen: without orjson {"p99": nan, "max": inf} arrives as {"p99": "nan", "max": "inf"}, and numpy's NaN as the text
#   "np.float64(nan)"; there is a UserWarning, in the kernel.  Where orjson is installed all of
#   them are null, and there is no warning; 2**70 arrives as 1.1805916207174113e+21 then, and not as a whole number.
# So a front end that was made with one of them fails with the other: "nan" is true in JavaScript, and a
#   scale has a category more; send None for what is not there.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for name in without with; do
  python3 -m venv "$name"
  "$name/bin/pip" install --quiet --disable-pip-version-check jupyter_client==8.10.0 numpy==2.4.6
done
with/bin/pip install --quiet --disable-pip-version-check orjson==3.13.0
cat > look.py <<'PY'
import importlib.util
import math
import warnings

import numpy as np
from jupyter_client.session import Session

session = Session()
has_orjson = importlib.util.find_spec("orjson") is not None
print("with orjson" if has_orjson else "without orjson")


def arrives(content: dict[str, object]) -> dict[str, object]:
    """Return what the other side reads, and print it with the warnings that this one had."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        told = session.unpack(session.pack(content))
    print(f"  {content} -> {told}, {len(warned)} warnings")
    assert bool(warned) == (not has_orjson and "large" not in content)
    return told


own = arrives({"p99": math.nan, "max": math.inf})
numpys = arrives({"p99": np.float64("nan")})
large = arrives({"large": 2**70})
if has_orjson:
    assert own == {"p99": None, "max": None}
    assert numpys == {"p99": None}
    assert isinstance(large["large"], float)
else:
    assert own == {"p99": "nan", "max": "inf"}
    assert numpys == {"p99": "np.float64(nan)"}
    assert large["large"] == 2**70
PY
for name in without with; do timeout 30 "$name/bin/python" look.py; done
