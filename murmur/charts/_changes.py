"""The rules that mark, in every chart over time, where somebody changed the run."""

from __future__ import annotations

import altair as alt
import pandas as pd

from ._rows import check
from ._theme import GREY, AnyChart, time_axis

__all__ = ["with_changes"]

_RULES = 200
_LABELS = 12  # more would overlap; the tooltips still tell
_LABEL_LENGTH = 42  # more would be higher than the chart


def with_changes(chart: AnyChart, changes: pd.DataFrame | None) -> AnyChart:
    """Return `chart` with a rule, a label and a tooltip at each of `changes`, the newest 200."""
    if changes is None:
        return chart
    check(changes, "changes", ("at", "who", "what", "old", "new"))
    if changes.empty:
        return chart
    newest = changes.tail(_RULES)
    texts = {column: newest[column].astype(str) for column in ("who", "what", "old", "new")}
    rows = pd.DataFrame({"at": newest["at"], **texts})
    labels = rows["what"].str.removeprefix("throttle ") + " → " + rows["new"]
    cut = labels.str.slice(0, _LABEL_LENGTH - 1) + "…"
    rows["label"] = labels.where(labels.str.len() <= _LABEL_LENGTH, cut)
    tooltip = [
        alt.Tooltip("at:Q", title="changed at [s]", format=".1f"),
        *(alt.Tooltip(f"{column}:N", title=column) for column in texts),
    ]
    marks = alt.Chart(rows).encode(x=time_axis(), tooltip=tooltip)
    layers = [chart, marks.mark_rule(color=GREY, strokeDash=[4, 3], strokeWidth=1.5)]
    if len(rows) <= _LABELS:
        label = marks.mark_text(
            color=GREY, angle=270, align="right", baseline="bottom", dx=-4, dy=-3, fontSize=10
        )
        layers.append(label.encode(y=alt.value(0), text="label:N"))
    return alt.LayerChart(layer=layers)
