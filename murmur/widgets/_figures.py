"""Parts that show: the figures of the last seconds, and what has happened."""

from __future__ import annotations

from typing import Any, ClassVar

import traitlets

from murmur import Session
from murmur.errors import number_of
from murmur.jupyter.panel import NO_NEWS

from ._part import Part

_LINES = 200


class Figures(Part):
    """The few numbers that are read from across the room.

    Parameters
    ----------
    session : murmur.Session
        What to show.

    Attributes
    ----------
    running, waiting, leaving, gone, target : int
        Users by state, and how many are asked for.
    rate : float
        Actions that ended, a second, of the last ten seconds.
    failed : float or None
        Share of them that failed, from 0 to 1; None if none ended.
    p50, p99 : float or None
        Response times in seconds, of the same seconds; None if none succeeded.
    keeps_up : bool
        Whether the generator is fast enough; not where it says nothing.

    Examples
    --------
    A label of one's own that follows::

        figures = Figures(session)
        traitlets.dlink((figures, "running"), (label, "value"), str)
    """

    KIND: ClassVar[str] = "figures"
    SHOWS: ClassVar[tuple[str, ...]] = ("users", "figures", "health", "verdict")

    running: traitlets.Int[int, int] = traitlets.Int(0).tag(sync=True)
    waiting: traitlets.Int[int, int] = traitlets.Int(0).tag(sync=True)
    leaving: traitlets.Int[int, int] = traitlets.Int(0).tag(sync=True)
    gone: traitlets.Int[int, int] = traitlets.Int(0).tag(sync=True)
    target: traitlets.Int[int, int] = traitlets.Int(0).tag(sync=True)
    rate: traitlets.Float[float, int | float] = traitlets.Float(0.0).tag(sync=True)
    failed: traitlets.Float[int | None, int | float | None] = traitlets.Float(
        None, allow_none=True
    ).tag(sync=True)
    p50: traitlets.Float[int | None, int | float | None] = traitlets.Float(
        None, allow_none=True
    ).tag(sync=True)
    p99: traitlets.Float[int | None, int | float | None] = traitlets.Float(
        None, allow_none=True
    ).tag(sync=True)
    keeps_up: traitlets.Bool[bool, bool | int] = traitlets.Bool(True).tag(sync=True)

    def __init__(self, session: Session) -> None:
        super().__init__(session)

    def tell(self, state: dict[str, Any]) -> None:
        """Set the traits to what `state` says."""
        users, figures = state["users"], state["figures"]
        with self.hold_sync():
            for name in ("running", "waiting", "leaving", "gone", "target"):
                setattr(self, name, users[name])
            self.rate, self.failed = figures["rate"], figures["share"]
            self.p50, self.p99 = figures["seconds"]["p50"], figures["seconds"]["p99"]
            health = state["health"]
            self.keeps_up = not health["warning"] and health["pace"] != NO_NEWS


class Log(Part):
    """Changes, failures and problems of the run, the newest first.

    Parameters
    ----------
    session : murmur.Session
        What to show.

    Attributes
    ----------
    lines : list of dict
        ``at`` (seconds since the run started, or None), ``text``, and ``kind``: "change",
        "failure" or "problem".

    Examples
    --------
    Beside the charts::

        HBox([Chart(session, "throughput"), Log(session)])
    """

    KIND: ClassVar[str] = "log"
    SHOWS: ClassVar[tuple[str, ...]] = ("lines",)

    lines: traitlets.List[dict[str, Any]] = traitlets.List(traitlets.Dict())

    def __init__(self, session: Session) -> None:
        super().__init__(session)

    def own(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return what happened as lines."""
        return {"lines": _lines(state)}

    def tell(self, state: dict[str, Any]) -> None:
        """Set the traits to what `state` says."""
        self.lines = state["lines"]


def _lines(state: dict[str, Any]) -> list[dict[str, Any]]:
    changes = [
        {
            "at": one["at"],
            "text": f"{one['what']}: {one['old']} → {one['new']}",
            "kind": "change",
        }
        for one in state["changes"]
    ]
    failures = [
        {
            "at": one["at"],
            "text": f"{one['name']} failed {number_of(one['count'], 'time')}: {one['error']}",
            "kind": "failure",
        }
        for one in state["errors"]
    ]
    told = sorted([*changes, *failures], key=lambda line: -line["at"])
    problems = [{"at": None, "text": text, "kind": "problem"} for text in state["problems"]]
    return [*problems, *told][:_LINES]
