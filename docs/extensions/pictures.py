"""Draws the pictures of docs/reference/charts.md: ``python docs/extensions/pictures.py``.

They are of an example run that nobody has to wait for: made of numbers, by one seed.  A test
asks that there is one for every chart; whoever changes how charts look draws them anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import vl_convert
from PIL import Image

from murmur import charts
from murmur.recording import RunRecord
from murmur.results import Results, compare
from murmur.telemetry import Recorder

FOLDER = Path(__file__).parents[1] / "images" / "charts"

SECONDS = 120
CHANGED_AT = 60.0
FROZEN = (80.0, 84.0)
_COLOURS = 64  # of a picture; a fifth of the bytes, and nobody can tell


class Example:
    """A run of two minutes: users arrive, a rate is raised, the server freezes for 4 s.

    Parameters
    ----------
    seed : int
        Of the durations.
    factor : float, default 1.0
        By which everything takes longer.
    """

    def __init__(self, seed: int, factor: float = 1.0) -> None:
        self._random = np.random.default_rng(seed)
        self._factor = factor
        self._recorder = Recorder(node="local", started_at=0.0, wall_started_at=1.7e9)
        self._record = RunRecord("example", 0.0, 1.7e9, seed=seed)

    def results(self) -> Results:
        """Return what the run left behind."""
        for second in range(SECONDS):
            self._second(second)
        self._recorder.change(CHANGED_AT, "panel", "throttle messages", "20/1 s", "40/1 s")
        self._users()
        self._record.add(self._recorder.seal())
        return Results(self._record)

    def _second(self, second: int) -> None:
        rate = 20 if second < CHANGED_AT else 40
        users = min(4 * second, 200)
        recorder, frozen = self._recorder, FROZEN[0] <= second < FROZEN[1]
        recorder.population(second, max(0, 200 - users), users, max(0, second - 110))
        late = 0.12 if second in (33, 34, 35) else 0.002 * (1 + self._random.random())
        recorder.health(
            second + 1, [late / 3, late], 0.4, 1e8, late > 0.05, vitals={"schedule_lag": late / 2}
        )
        granted = 0 if frozen else rate
        recorder.throttle(
            second + 1,
            "messages",
            {"rate": float(rate), "interval": 1.0, "requested": rate + 3, "granted": granted},
        )
        for place in range(rate):
            self._action("echo", second + place / rate, median=0.02)
            if place % 8 == 0:
                self._action("login", second + place / rate, median=0.15)

    def _action(self, name: str, due_at: float, *, median: float) -> None:
        is_held = FROZEN[0] <= due_at < FROZEN[1]
        started = FROZEN[1] if is_held else due_at
        two_ways = 6.0 if name == "echo" and self._random.random() < 0.1 else 1.0
        took = self._random.lognormal(np.log(median * two_ways), 0.25) * self._factor
        error = None
        if name == "login" and self._random.random() < 0.03:
            error = TimeoutError("no answer in 5 s")
        elif self._random.random() < 0.005:
            error = ConnectionResetError("by the server")
        self._recorder.action(name, 1, due_at, started, started + took, error)

    def _users(self) -> None:
        outcomes = ("finished", "finished", "finished", "left", "failed", "killed")
        for user in range(1, 201):
            began = user / 4
            length = min(self._random.exponential(50.0) + 2, SECONDS - began)
            outcome = outcomes[int(self._random.random() * len(outcomes))]
            self._recorder.user_gone(user, outcome, None, began, began, began + length)


def pictures() -> Mapping[str, Any]:
    """Return every chart that has a picture, by the name of its function."""
    run = Example(seed=1).results()
    frames = {
        "population": run.population,
        "throughput": run.windows,
        "percentiles": run.windows,
        "service_and_response": run.windows,
        "heatmap": run.actions,
        "throttles": run.throttles,
        "users": run.users,
    }
    drawn = {
        name: getattr(charts, name)(frame, changes=run.changes) for name, frame in frames.items()
    }
    return {
        **drawn,
        "distribution": charts.distribution(run.actions),
        "outcomes": charts.outcomes(run.users),
        "errors": charts.errors(run.errors),
        "effects": charts.effects(run.effects),
        "health": charts.health(run.health),
        "shaded": charts.shaded(charts.throughput(run.windows), run.health),
        "joined": charts.joined(run.join(_server())),
        "capacity": charts.capacity(_steps(), low=86.0, high=94.0, unit="users", limit=0.368),
        "comparison": charts.comparison(
            compare(run, Example(seed=2, factor=1.15).results(), start=30.0, end=60.0)
        ),
    }


def _server() -> pd.DataFrame:
    """Return what a server said of its processor: full while the example's actions are slow."""
    at = np.arange(0.0, 60.0)
    busy = np.where((at > 30) & (at < 40), 1.9, 1.1)
    return pd.DataFrame({"at": at, "server's cores in use": busy + 0.1 * np.sin(at)})


def _steps() -> pd.DataFrame:
    """Return the steps of a search: a server that is full at about a hundred users."""
    loads = np.array([10.0, 20, 40, 60, 80, 86, 90, 94, 100, 120])
    p50 = 0.02 / (1 - np.minimum(loads, 118) / 120)
    held = loads <= 90
    return pd.DataFrame(
        {
            "load": loads,
            "answer": np.where(held, "holds", "fails"),
            "p50": p50,
            "p99": 4.6 * p50,
            "throughput": np.minimum(10 * loads, 1000),
            "goodput": np.where(held, 10 * loads, 10 * loads * (90 / loads) ** 6),
            "failed": np.where(loads > 100, 0.04, 0.001),
        }
    )


def main() -> None:
    """Write one file for each chart."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, chart in pictures().items():
        # Not SVG: with its tooltips one of them takes half a megabyte.
        png = vl_convert.vegalite_to_png(chart.to_dict(), scale=1.5)
        picture = Image.open(BytesIO(png)).quantize(_COLOURS, Image.Quantize.FASTOCTREE)
        picture.save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
