"""A chart of a session, live: one of the panel's, or any that a function draws of results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import altair as alt
import traitlets

from murmur import Session
from murmur._guard import error_text
from murmur.charts import CHARTS, draw, whole
from murmur.errors import UnknownNameError
from murmur.jupyter.panel import live_charts
from murmur.results import Results

from ._part import Part

PERIOD = 2.0
"""Seconds between two drawings by a function: it reads the frames of the whole run."""


class Chart(Part):
    """One chart that follows the run.

    Parameters
    ----------
    session : murmur.Session
        What to show.
    chart : str or callable, default "latency"
        A live chart of the panel (``"users"``, ``"throughput"``, ``"latency"``, ``"heatmap"``,
        ``"throttles"``), drawn twice a second; another name of `murmur.charts.CHARTS`; or a
        function that takes `murmur.results.Results` and returns an Altair chart.  The last two
        are drawn every two seconds while something new has come.
    title : str, optional
        What stands above it.

    Attributes
    ----------
    name : str
        Name of the chart, or of the function.

    Raises
    ------
    UnknownNameError
        If there is no chart of that name.

    Examples
    --------
    One of the panel's and one of one's own::

        HBox([Chart(session, "latency"), Chart(session, lambda it: charts.errors(it.errors))])
    """

    KIND: ClassVar[str] = "chart"
    SHOWS: ClassVar[tuple[str, ...]] = ("changes",)

    name: traitlets.Unicode[str, str | bytes] = traitlets.Unicode().tag(sync=True)
    title: traitlets.Unicode[str, str | bytes] = traitlets.Unicode().tag(sync=True)
    drawing: traitlets.Dict[str, Any] = traitlets.Dict({"spec": None, "datasets": {}}).tag(
        sync=True
    )

    def __init__(
        self,
        session: Session,
        chart: str | Callable[[Results], alt.TopLevelMixin] = "latency",
        *,
        title: str = "",
    ) -> None:
        self._function: Callable[[Results], Any] | None = None
        self._drawn_at = float("-inf")
        self._drawn: object = None  # the news that were drawn last
        self._is_drawing = False
        specs: dict[str, Any] = {}
        if callable(chart):
            self._function = chart
            name = getattr(chart, "__name__", type(chart).__name__).strip("<>")
        else:
            name = chart
            try:
                specs = live_charts([chart])
            except UnknownNameError:
                if chart not in CHARTS:
                    raise
                self._function = lambda results: draw(chart, results)
        super().__init__(
            session,
            name=name,
            title=title or name.replace("_", " ").capitalize(),
            specs=specs,
            library=session.publisher.library,
        )

    def show(self, state: dict[str, Any], rows: dict[str, Any] | None) -> None:
        """Show news: the rows of this chart and no others."""
        mine = None
        if rows is not None:
            mine = {key: rows[key] for key in ("span", *self.specs) if key in rows}
        super().show(state, mine)

    def is_due(self, now: float, news: object) -> bool:
        """Whether the function should draw again: if there are news, and it is not at it."""
        if self._function is None or self._is_drawing:
            return False
        if news == self._drawn or now - self._drawn_at < PERIOD:
            return False
        self._drawn_at, self._drawn, self._is_drawing = now, news, True
        return True

    def draw(self, results: Results) -> None:
        """Have the function draw; the page keeps the chart and takes new rows."""
        assert self._function is not None
        try:
            spec = whole(self._function(results), consolidate_datasets=True)
        except BaseException as error:  # noqa: BLE001 - a user's function may raise anything
            self.said, self.refused = f"{self.name}: {error_text(error)}", True
            return
        finally:
            self._is_drawing = False
        datasets = spec.pop("datasets", {})
        self.drawing = _with_steady_names(spec, datasets)


def _with_steady_names(spec: dict[str, Any], datasets: dict[str, Any]) -> dict[str, Any]:
    """Name data sets by their order: Altair names them by their content, which changes."""
    names = {old: f"rows{number}" for number, old in enumerate(datasets)}

    def renamed(value: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, dict):
            return {
                key: {**inner, "name": names[inner["name"]]}
                if key == "data" and isinstance(inner, dict) and inner.get("name") in names
                else renamed(inner)
                for key, inner in value.items()
            }
        if isinstance(value, list):
            return [renamed(inner) for inner in value]
        return value

    return {
        "spec": renamed(spec),
        "datasets": {names[old]: rows for old, rows in datasets.items()},
    }
