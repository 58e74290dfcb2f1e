"""Remains of a panel that is closed: summary and charts of a run, as text and pictures.

It holds neither a widget nor a script, so it stays in the notebook and shows anywhere.
"""

from __future__ import annotations

from typing import Any

from murmur._vega import picture
from murmur.results import Results

_CHARTS = ("population", "throughput", "latency", "heatmap", "throttles")


class Frozen:
    """Summary and charts of a run as it was at one moment."""

    def __init__(
        self,
        results: Results,  # what to show; it is read now
    ) -> None:
        summary = results.summary()
        self._text = repr(summary)
        drawn = picture(_chart(results))
        self._html = (
            f'<div class="murmur-frozen">{summary._repr_html_()}'
            f'<div style="overflow-x:auto">{drawn}</div></div>'
        )

    def __repr__(self) -> str:
        return self._text

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": self._text, "text/html": self._html}


def _chart(results: Results) -> dict[str, Any]:
    """Return the charts that have something to show as one specification."""
    from murmur import charts

    shown = [
        charts.draw(name, results).properties(width=430, height=180)
        for name in _CHARTS
        if charts.has_rows(name, results)
    ] or [charts.draw("population", results)]
    return charts.whole(charts.together(*shown, columns=2))
