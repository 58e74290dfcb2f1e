"""The charts by name, for those who have results rather than a frame: ``%amoc plot latency``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import pandas as pd

from murmur.errors import UnknownNameError, closest

from ._comparison import effects
from ._counts import errors, outcomes, users
from ._generator import health, shaded
from ._spread import distribution, heatmap
from ._theme import AnyChart
from ._time import percentiles, population, service_and_response, throttles, throughput


class Frames(Protocol):
    """What has the frames of a run, such as `murmur.results.Results`."""

    @property
    def actions(self) -> pd.DataFrame: ...
    @property
    def changes(self) -> pd.DataFrame: ...
    @property
    def effects(self) -> pd.DataFrame: ...
    @property
    def errors(self) -> pd.DataFrame: ...
    @property
    def health(self) -> pd.DataFrame: ...
    @property
    def population(self) -> pd.DataFrame: ...
    @property
    def throttles(self) -> pd.DataFrame: ...
    @property
    def users(self) -> pd.DataFrame: ...
    @property
    def windows(self) -> pd.DataFrame: ...


CHARTS: Mapping[str, Callable[[Frames], AnyChart]] = MappingProxyType(
    {
        "population": lambda it: shaded(population(it.population, changes=it.changes), it.health),
        "throughput": lambda it: shaded(throughput(it.windows, changes=it.changes), it.health),
        "latency": lambda it: shaded(percentiles(it.windows, changes=it.changes), it.health),
        "service": lambda it: shaded(
            service_and_response(it.windows, changes=it.changes), it.health
        ),
        "heatmap": lambda it: shaded(heatmap(it.actions, changes=it.changes), it.health),
        "distribution": lambda it: distribution(it.actions),
        "throttles": lambda it: shaded(throttles(it.throttles, changes=it.changes), it.health),
        "users": lambda it: shaded(users(it.users, changes=it.changes), it.health),
        "outcomes": lambda it: outcomes(it.users),
        "errors": lambda it: errors(it.errors),
        "effects": lambda it: effects(it.effects),
        "health": lambda it: health(it.health),
    }
)
"""Name of a chart, and the function that draws it of `Results`."""


# Frames without which charts of another name have nothing to show.
_FRAMES = {
    **dict.fromkeys(("throughput", "latency", "service"), "windows"),
    **dict.fromkeys(("heatmap", "distribution"), "actions"),
    "outcomes": "users",
}


_DRAWN_BY = {"latency": "percentiles", "service": "service_and_response"}
"""Names of charts that are not those of their functions."""


def in_place_of(name: str, there: Sequence[str]) -> str:
    """Return in words what to write in place of a name that the package has not.

    Examples
    --------
    >>> in_place_of("latency", ["percentiles"])
    "; write percentiles(results.windows) or draw('latency', results)"
    """
    if name in _DRAWN_BY:
        return f"; write {_DRAWN_BY[name]}(results.windows) or draw({name!r}, results)"
    return closest(name, there, "there are")


def has_rows(name: str, results: Frames) -> bool:
    """Return whether a chart has something to show."""
    return not getattr(results, _FRAMES.get(name, name)).empty


def draw(name: str, results: Frames) -> AnyChart:
    """Draw a chart of `results` by its name in `CHARTS`.

    Parameters
    ----------
    name : str
        ``"population"``, ``"throughput"``, ``"latency"``, ``"service"``, ``"heatmap"``,
        ``"distribution"``, ``"throttles"``, ``"users"``, ``"outcomes"``, ``"errors"``,
        ``"effects"`` or ``"health"``.
    results : murmur.results.Results
        What a run gave back, or gives so far.

    Raises
    ------
    UnknownNameError
        If there is no chart of that name.

    Examples
    --------
    >>> import murmur
    >>> from murmur import charts
    >>> from murmur.testing import rehearse
    >>> class Nap(murmur.Scenario):
    ...     '''Users nap for a second.'''
    ...     async def start(self, user):
    ...         with user.timer("nap"):
    ...             await user.sleep(1)
    >>> chart = charts.draw("population", rehearse(Nap, 10))
    """
    if name not in CHARTS:
        raise UnknownNameError("chart", [name], CHARTS)
    return CHARTS[name](results)
