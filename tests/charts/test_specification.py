"""A chart with all its rows inside, drawn in any thread."""

from __future__ import annotations

import threading

import altair as alt
import pandas as pd

from murmur import charts


class Held:
    """A chart that is drawn until another is."""

    def __init__(self, begun: threading.Event, ends: threading.Event) -> None:
        self._begun, self._ends = begun, ends

    def to_dict(self, **_: object) -> dict[str, object]:
        self._begun.set()
        self._ends.wait(0.5)
        return {}


def test_charts_that_are_drawn_at_the_same_time_leave_what_the_notebook_chose():
    first, second = threading.Event(), threading.Event()
    with alt.data_transformers.enable("default", max_rows=7):
        other = threading.Thread(target=lambda: (first.wait(), charts.whole(Held(second, first))))
        other.start()
        charts.whole(Held(first, second))
        other.join()

        assert alt.data_transformers.options == {"max_rows": 7}


def test_more_rows_than_a_notebook_may_draw_are_drawn():
    frame = pd.DataFrame({"x": range(6_000)})

    drawn = charts.whole(alt.Chart(frame).mark_point().encode(x="x:Q"))

    assert [len(rows) for rows in drawn["datasets"].values()] == [6_000]
