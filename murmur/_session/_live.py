"""Traits of a session that follow its run, and steer it: for sliders and labels of one's own.

`Session.live` holds the settings that may change while a run is on, `Session.seen` what can be
seen of it.  One task on the session's loop keeps both up to date; it begins when one of them
is first asked for.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import traitlets
from traitlets.utils.bunch import Bunch

from murmur.scenario import settings_of

if TYPE_CHECKING:
    from murmur.results import Results
    from murmur.scenario import Scenario

    from ._session import Session
    from ._status import Status

__all__ = ["Live", "Seen", "Watcher"]

PERIOD = 0.25
"""Seconds between two looks at the run."""

JUDGED = 2.0
"""Seconds between two verdicts: one reads the frames of the whole run."""

_logger = logging.getLogger(__name__)


class Live(traitlets.HasTraits):
    """The live settings of the run, each a trait of its name.

    Setting one steers the run, in the caller's thread: a value that is refused goes back, and
    the error goes to whoever set it.  Changes by others come back within half a second.  The
    traits are those of the last scenario that ran; before the first run there are none.

    Examples
    --------
    A slider that steers a run::

        traitlets.link((slider, "value"), (session.live, "pace"))
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._scenario: type[Scenario] | None = None
        self._is_told = False
        self._refused: set[str] = set()

    def adopt(self, scenario: type[Scenario], values: Mapping[str, object]) -> None:
        """Have a trait for each live setting of `scenario`."""
        if scenario is not self._scenario:
            self._scenario = scenario
            made = {
                name: copy.copy(trait)
                for name, trait in settings_of(scenario).items()
                if trait.metadata.get("live") and not trait.metadata.get("secret")
            }
            with self._telling():
                self.add_traits(**made)
            self.observe(self._steer, list(made))
        self.tell(values)

    def tell(self, values: Mapping[str, object]) -> None:
        """Set the traits to what is in force."""
        with self._telling():
            for name in self.trait_names():
                if name in values and getattr(self, name) != values[name]:
                    self.set_trait(name, values[name])
            for name in list(self._refused):
                self._refused.discard(name)
                # Whoever is linked still shows what was refused, for a link is deaf meanwhile.
                now = getattr(self, name)
                self.notify_change(Bunch(owner=self, name=name, old=None, new=now, type="change"))

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in sorted(self.trait_names()))
        return f"<live settings: {values or 'none before the first run'}>"

    def _steer(self, change: Bunch) -> None:
        if self._is_told:
            return
        try:
            self._session.update(**{change.name: change.new})
        except Exception:
            with self._telling():
                self.set_trait(change.name, change.old)
            self._refused.add(change.name)
            raise

    @contextmanager
    def _telling(self) -> Iterator[None]:
        before, self._is_told = self._is_told, True
        try:
            yield
        finally:
            self._is_told = before


class Seen(traitlets.HasTraits):
    """What can be seen of the run, as numbers and words; it follows within half a second.

    Attributes
    ----------
    state : str
        "idle", "running", "terminating", "finished" or "failed".
    users : int
        Users that are here: waiting, running or leaving.
    running : int
        Users that run.
    failed : float
        Share of the actions of the last five seconds that failed, from 0 to 1.
    rate : float
        Actions a second, over the last five seconds.
    p50, p99 : float or None
        Response times of the same seconds, in seconds; None without any.
    elapsed : float
        Seconds since the run started.
    verdict : str
        "valid", "suspect" or "invalid", looked at every two seconds; empty before a run.

    Examples
    --------
    A label that follows::

        traitlets.dlink((session.seen, "running"), (label, "value"), str)
    """

    state = traitlets.Unicode("idle")
    users = traitlets.Int(0)
    running = traitlets.Int(0)
    failed = traitlets.Float(0.0)
    rate = traitlets.Float(0.0)
    p50 = traitlets.Float(None, allow_none=True)
    p99 = traitlets.Float(None, allow_none=True)
    elapsed = traitlets.Float(0.0)
    verdict = traitlets.Unicode("")

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in sorted(self.trait_names()))
        return f"<seen: {values}>"
