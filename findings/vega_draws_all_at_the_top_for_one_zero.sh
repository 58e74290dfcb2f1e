#!/usr/bin/env bash
# One value of 0 on a logarithmic axis, and Vega-Lite draws every other value at the top edge as well.
#
# Version: altair 6.3.0, vl-convert-python 1.9.0.post1, pandas 3.1.1 (PyPI), Python 3.11.
# Guess before the run: the point of 0 alone is missing, or the line is broken there; Vega-Lite leaves out values
#   that a scale cannot show, as it does with null.
# Seen: the line through 10, 0, 100, 50 is flat along the upper edge, and the axis has no label at all; the points of
#   the same data are all at height 0 of the picture.  Nothing is logged.  Without the 0 the line is as it should
#   be.  The scale's domain begins at 0 then, of which there is no logarithm.
# So a chart of latencies on a logarithmic axis is lost to the first time that was rounded to 0; filter it, or use
#   "symlog".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check altair==6.3.0 vl-convert-python==1.9.0.post1 pandas==3.1.1
cat > look.py <<'PY'
import re

import altair as alt
import pandas as pd
import vl_convert


def drawn(values: list[float]) -> tuple[list[float], int]:
    """Return the heights of the line's corners, and how many labels the axis of the values has."""
    frame = pd.DataFrame({"at": range(len(values)), "ms": values})
    height = alt.Y("ms:Q", scale=alt.Scale(type="log"))
    chart = alt.Chart(frame).mark_line().encode(x=alt.X("at:Q", axis=None), y=height)
    svg = vl_convert.vegalite_to_svg(chart.to_json())
    line = re.search(r'aria-roledescription="line mark"[^>]* d="([^"]+)"', svg)[1]
    return [float(y) for y in re.findall(r"[ML][\d.]+,([\d.]+)", line)], svg.count("</text>") - 1


for values in ([10.0, 1.0, 100.0, 50.0], [10.0, 0.0, 100.0, 50.0]):
    heights, labels = drawn(values)
    print(values, "drawn at", heights, "with", labels, "labels")
    if 0.0 in values:
        assert (heights, labels) == ([0.0] * 4, 0)
    else:
        assert heights == [150.0, 300.0, 0.0, 45.154] and labels > 1
PY
timeout 90 venv/bin/python look.py 2> errors.txt || { cat errors.txt; exit 1; }
[ ! -s errors.txt ] || { cat errors.txt; exit 1; }
