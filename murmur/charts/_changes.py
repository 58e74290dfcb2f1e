"""The rules that mark, in every chart over time, where somebody changed the run."""

from __future__ import annotations

import altair as alt
import pandas as pd

from ._rows import check
from ._theme import GREY, AnyChart, time_axis

_RULES = 200
_THE_END = "the run"  # what `Results.changes` calls an end that was asked for
_LABELS = 12  # more would overlap; the tooltips still tell
_LABEL_LENGTH = 42  # more would be higher than the chart
_APART = 0.035  # of the axis: nearer labels would lie on each other


def with_changes(
    chart: AnyChart,  # one over time
    changes: pd.DataFrame | None,  # `Results.changes`
    # where the chart's time ends [s]: of changes close to each other one has a label, which says
    # how many there are besides
    until: float,
) -> AnyChart:
    """Return `chart` with a rule, a label and a tooltip at each of `changes`, the newest 200."""
    if changes is None:
        return chart
    check(changes, "changes", ("at", "who", "what", "old", "new"))
    steered = changes[changes["what"] != _THE_END]  # the chart ends there, which says the same
    if steered.empty:
        return chart
    newest = steered.tail(_RULES)
    texts = {column: newest[column].astype(str) for column in ("who", "what", "old", "new")}
    rows = pd.DataFrame({"at": newest["at"], **texts})
    labels = rows["what"].str.removeprefix("throttle ") + " → " + rows["new"]
    cut = labels.str.slice(0, _LABEL_LENGTH - 1) + "…"
    rows["label"] = labels.where(labels.str.len() <= _LABEL_LENGTH, cut)
    tooltip = [
        alt.Tooltip("at:Q", title="changed at [s]", format=".1f"),
        *(alt.Tooltip(f"{column}:N", title=column) for column in texts),
    ]
    rules = alt.Chart(rows).encode(x=time_axis(), tooltip=tooltip)
    layers = [chart, rules.mark_rule(color=GREY, strokeDash=[4, 3], strokeWidth=1.5)]
    labelled = _labelled(rows, _APART * max(until, float(rows["at"].max())))
    if len(labelled) <= _LABELS:
        marks = alt.Chart(labelled).encode(x=time_axis(), tooltip=tooltip)
        label = marks.mark_text(
            color=GREY, angle=270, align="right", baseline="bottom", dx=-4, dy=-3, fontSize=10
        )
        layers.append(label.encode(y=alt.value(0), text="label:N"))
    return alt.LayerChart(layer=layers)


def _labelled(rows: pd.DataFrame, apart: float) -> pd.DataFrame:
    """Return the rows that get a label, `apart` seconds from each other or more."""
    ordered = rows.sort_values("at", kind="stable").reset_index(drop=True)
    owners: list[int] = []  # for each row: which one's label stands for it
    for place, at in enumerate(ordered["at"]):
        is_near = owners and at - ordered["at"][owners[-1]] < apart
        owners.append(owners[-1] if is_near else place)
    besides = pd.Series(owners).value_counts() - 1
    shown = ordered.loc[sorted(set(owners))]
    more = [f" (+{besides[place]})" if besides[place] else "" for place in shown.index]
    return shown.assign(label=shown["label"] + more)
