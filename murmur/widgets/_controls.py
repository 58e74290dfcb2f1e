"""Parts that steer: the run as a whole, its settings, its arrivals, one of its throttles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import traitlets

from murmur import Session

from ._part import Part


class Controls(Part):
    """Starts and stops runs, adds and removes users.

    Parameters
    ----------
    session : murmur.Session
        What to steer.
    scenario : str, optional
        The scenario to start, by its name in the notebook; the first unless given.
    count : int, default 100
        How many users to start, add or remove.

    Attributes
    ----------
    scenario : str
        The scenario that is chosen.
    count : int
        The number of users in the field.
    run_state : str
        "idle", "running", "terminating", "finished" or "failed".

    Examples
    --------
    Stop by a button of one's own::

        controls = Controls(session)
        button.on_click(lambda _: controls.stop())
    """

    KIND: ClassVar[str] = "controls"
    SHOWS: ClassVar[tuple[str, ...]] = ("forms", "scenario", "arrivals")

    scenario: traitlets.Unicode[str, str | bytes] = traitlets.Unicode("").tag(sync=True)
    count: traitlets.Int[int, int] = traitlets.Int(100, min=0).tag(sync=True)
    run_state: traitlets.Unicode[str, str | bytes] = traitlets.Unicode("idle").tag(sync=True)

    def __init__(self, session: Session, *, scenario: str = "", count: int = 100) -> None:
        super().__init__(session, scenario=scenario, count=count)

    def start(self) -> None:
        """Start the chosen scenario with `count` users, as a click on Start does."""
        self.ask("start", scenario=self.scenario, users=self.count)

    def stop(self) -> None:
        """Ask all users to leave and end the run, as a click on Stop does."""
        self.ask("stop")

    def add(self) -> None:
        """Add `count` users."""
        self.ask("add", count=self.count)

    def remove(self, *, force: bool = False) -> None:
        """Ask `count` users to leave; with `force`, cancel them after the grace."""
        self.ask("remove", count=self.count, force=force)

    def tell(self, state: dict[str, Any]) -> None:
        """Set the traits to what `state` says."""
        self.run_state = state["state"]
        if not self.scenario and state["forms"]:
            self.scenario = next(iter(state["forms"]))

    @traitlets.observe("scenario")
    def _choose(self, change: Mapping[str, Any]) -> None:
        self.publisher.chosen = change["new"] or None
        self.publisher.wake()


class Settings(Part):
    """The form of a scenario's settings: what Start uses, and what may change while it runs.

    Parameters
    ----------
    session : murmur.Session
        What to steer.

    Attributes
    ----------
    values : dict of str to str
        What is in force, or would be used by Start, as text; no secrets.

    Examples
    --------
    Beside the controls::

        HBox([Controls(session), Settings(session)])
    """

    KIND: ClassVar[str] = "settings"
    SHOWS: ClassVar[tuple[str, ...]] = ("forms", "chosen")

    values: traitlets.Dict[str, Any] = traitlets.Dict()

    def __init__(self, session: Session) -> None:
        self._typed: dict[str, str] = {}
        super().__init__(session)

    @property
    def typed(self) -> Mapping[str, str]:
        """What was typed and waits to be used; it may hold secrets, so it is no trait."""
        return self._typed

    def tell(self, state: dict[str, Any]) -> None:
        """Set the traits to what `state` says."""
        form = state["forms"].get(state["scenario"]) or state["forms"].get(state["chosen"])
        self.values = {one["name"]: one["text"] for one in form["fields"]} if form else {}

    def _hear(self, _: object, message: object, buffers: object) -> None:
        if isinstance(message, dict) and message.get("event") == "typed":
            texts = message.get("texts")
            self._typed = dict(texts) if isinstance(texts, dict) else {}
            return
        super()._hear(_, message, buffers)


class Arrivals(Part):
    """How many users a minute are let in.

    Parameters
    ----------
    session : murmur.Session
        What to steer.

    Attributes
    ----------
    rate : float
        Users a minute; setting it steers the run.  0 holds them, ``inf`` lets all in at once.

    Examples
    --------
    A slider of one's own::

        traitlets.link((slider, "value"), (Arrivals(session), "rate"))
    """

    KIND: ClassVar[str] = "arrivals"
    SHOWS: ClassVar[tuple[str, ...]] = ("arrivals",)

    rate: traitlets.Float[float, int | float] = traitlets.Float(0.0, min=0)

    def __init__(self, session: Session) -> None:
        super().__init__(session)

    def tell(self, state: dict[str, Any]) -> None:
        """Set the traits to what `state` says."""
        if state["arrivals"] is not None:
            self.rate = float(state["arrivals"])

    @traitlets.observe("rate")
    def _steer(self, change: Mapping[str, Any]) -> None:
        if not self.is_told:
            self.ask("arrivals", rate=change["new"])


class ThrottleControl(Part):
    """One throttle: its rate, who waits, pause and ramp.

    Parameters
    ----------
    session : murmur.Session
        What to steer.
    name : str
        Name of the throttle; it need not exist yet.

    Attributes
    ----------
    name : str
        Its name.
    rate : float
        Permits an interval, or at a time; setting it steers the run.
    paused : bool
        Whether it grants nothing; setting it steers the run.
    waiting, granted : int
        Who waits now, and permits granted so far.

    Examples
    --------
    A slider of one's own::

        traitlets.link((slider, "value"), (ThrottleControl(session, "messages"), "rate"))
    """

    KIND: ClassVar[str] = "throttle"
    SHOWS: ClassVar[tuple[str, ...]] = ("throttles",)

    name: traitlets.Unicode[str, str | bytes] = traitlets.Unicode().tag(sync=True)
    rate: traitlets.Float[float, int | float] = traitlets.Float(0.0, min=0)
    paused: traitlets.Bool[bool, bool | int] = traitlets.Bool(False)
    waiting: traitlets.Int[int, int] = traitlets.Int(0).tag(sync=True)
    granted: traitlets.Int[int, int] = traitlets.Int(0).tag(sync=True)

    def __init__(self, session: Session, name: str) -> None:
        super().__init__(session, name=name)

    def own(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return this throttle and no other."""
        return {"throttles": [one for one in state["throttles"] if one["name"] == self.name]}

    def tell(self, state: dict[str, Any]) -> None:
        """Set the traits to what `state` says."""
        for one in state["throttles"]:
            limit = one["limit"]
            self.rate = float(one["rate"] if limit is None else limit)
            self.paused = one["paused"]
            self.waiting, self.granted = one["waiting"], one["granted"]

    @traitlets.observe("rate")
    def _steer(self, change: Mapping[str, Any]) -> None:
        if not self.is_told:
            limit = any(one["limit"] is not None for one in self._news.get("throttles", ()))
            self.ask("rate", name=self.name, rate=change["new"], limit=limit, cancel_ramp=True)

    @traitlets.observe("paused")
    def _pause(self, change: Mapping[str, Any]) -> None:
        if not self.is_told:
            self.ask("pause" if change["new"] else "resume", name=self.name)
