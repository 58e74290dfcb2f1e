"""Specification of a chart with all of its rows, whatever the notebook chose for charts."""

from __future__ import annotations

from typing import Any

import altair as alt

from murmur._backend import thread_lock

_drawing = thread_lock()
"""Altair's choice is one for all threads: of two at a time the second would leave its own."""


def whole(chart: Any, **options: object) -> dict[str, Any]:  # noqa: ANN401 - a chart of any sort
    """Return a chart as Vega-Lite, its rows inside; `options` are of Altair's transformer.

    Altair looked at its parts when they were made; a second look at the whole takes four times
    as long as writing it.
    """
    with _drawing, alt.data_transformers.enable("default", max_rows=None, **options):
        drawn: dict[str, Any] = chart.to_dict(validate=False)
    return drawn
