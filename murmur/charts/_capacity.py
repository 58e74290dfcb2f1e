"""Chart of a search for capacity: response time, throughput and failures over load."""

from __future__ import annotations

import altair as alt
import pandas as pd

from . import _theme as theme

__all__ = ["capacity"]

_ANSWERS = ["holds", "fails", "no answer"]


def capacity(
    steps: pd.DataFrame, *, low: float, high: float, unit: str = "load"
) -> alt.ConcatChart:
    """Draw what each load did: response time, throughput with goodput, and failures.

    Parameters
    ----------
    steps : pandas.DataFrame
        One row is one step, with the columns ``load``, ``answer``, ``p50``, ``p99`` (seconds),
        ``throughput``, ``goodput`` (per second) and ``failed`` (a share).
    low, high : float
        Between which loads the limit lies; shaded.
    unit : str, default "load"
        Unit of the load.

    Examples
    --------
    >>> import pandas as pd
    >>> from murmur import charts
    >>> steps = pd.DataFrame({"load": [10.0, 20.0], "answer": ["holds", "fails"],
    ...     "p50": [0.01, 0.1], "p99": [0.02, 0.4], "throughput": [10.0, 18.0],
    ...     "goodput": [10.0, 9.0], "failed": [0.0, 0.0]})
    >>> chart = charts.capacity(steps, low=14.0, high=16.0, unit="users")
    """
    band = alt.Chart(pd.DataFrame({"low": [low], "high": [high]})).mark_rect(
        color=theme.GREY, opacity=0.18
    )
    shaded = band.encode(x="low:Q", x2="high:Q")
    x = alt.X("load:Q", title=unit, scale=alt.Scale(zero=False))
    answer = alt.Shape(
        "answer:N",
        title="check",
        scale=alt.Scale(domain=_ANSWERS, range=["circle", "cross", "triangle-up"]),
    )

    def lines(names: dict[str, str], y: alt.Y, title: str) -> alt.LayerChart:
        drawn = alt.Chart(steps).transform_fold(list(names), as_=["what", "value"])
        colours = alt.Color(
            "what:N", title=None, scale=theme.ordered(list(names), [*names.values()])
        )
        line = drawn.mark_line().encode(x=x, y=y, color=colours)
        points = drawn.mark_point(filled=True, size=55).encode(
            x=x,
            y=y,
            color=colours,
            shape=answer,
            tooltip=["load:Q", "what:N", "value:Q", "answer:N"],
        )
        layered: alt.LayerChart = (shaded + line + points).properties(
            title=title, width=460, height=150
        )
        return layered

    log = alt.Y("value:Q", scale=alt.Scale(type="log"), axis=theme.seconds_axis("response time"))
    plain = alt.Y("value:Q", title="per second")
    share = alt.Y("value:Q", title="share", axis=alt.Axis(format="%"), scale=alt.Scale(domainMin=0))
    return theme.together(
        lines({"p50": theme.SKY, "p99": theme.VERMILLION}, log, "Response time"),
        lines({"throughput": theme.BLUE, "goodput": theme.ORANGE}, plain, "Actions per second"),
        lines({"failed": theme.PURPLE}, share, "Failed"),
    )
