"""Traits of a session that follow its run, and steer it: for sliders and labels of one's own.

`Session.live` holds the settings that may change while a run is on, `Session.seen` what can be
seen of it.  A thread of their own keeps both up to date, because the session's loop may be held;
it begins when one of them is first asked for.
"""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

import anyio
import traitlets
from traitlets.utils.bunch import Bunch

from murmur._backend import Inside, LoopThread, Turns
from murmur._guard import error_text, heard, text_of
from murmur.errors import MurmurError, UnknownSettingError
from murmur.recording import Recent
from murmur.runtime import RunState
from murmur.scenario import settings_of

from ._judge import Judge
from ._observation import Observation

if TYPE_CHECKING:
    from murmur.scenario import Scenario

    from ._run import Run
    from ._session import Session

_logger = logging.getLogger(__name__)

PERIOD = 0.25
"""Seconds between two looks at the run."""

PATIENCE = 1.0
"""Seconds that the background waits for an answer of the session's loop."""

SILENCE = 2.0
"""Seconds without an answer, after which nobody knows what would come of the run."""

_UNKNOWN: Mapping[str, object] = {"verdict": "", "judged_at": None}
"""What `Seen` says of a run that is not judged, or of which too little is heard."""


class _Told(traitlets.HasTraits):
    """Traits that are set in the background, where nobody waits for what an observer raises."""

    _complained_of: frozenset[str] = frozenset()

    def __init__(self) -> None:
        # of threads that set what nobody set: what another sets meanwhile, somebody did
        self._news = Inside()
        super().__init__()

    @property
    def _is_told(self) -> bool:
        return self._news.is_here

    def notify_change(self, change: Bunch) -> None:
        """Call the observers; if no person set the trait, what one raises is logged, once."""
        if not self._is_told:
            super().notify_change(change)
            return
        _, error = heard(super().notify_change, change)
        if error is not None and change.name not in self._complained_of:
            self._complained_of |= {change.name}
            _logger.error("an observer of %r raised", change.name, exc_info=error)

    def _telling(self) -> AbstractContextManager[None]:
        """Set traits that nobody set."""
        return self._news.entered()


class Live(_Told):
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
        self._refused: set[str] = set()

    def __setattr__(self, name: str, value: object) -> None:
        """Set a trait; a name that is no live setting is refused, or nothing would come of it."""
        if not name.startswith("_") and not hasattr(type(self), name):
            raise UnknownSettingError([name], self.trait_names())
        super().__setattr__(name, value)

    def adopt(self, scenario: type[Scenario], values: Mapping[str, object]) -> None:
        """Have a trait for each live setting of `scenario`."""
        if scenario is not self._scenario:
            made = {
                name: self._own(trait)
                for name, trait in settings_of(scenario).items()
                if trait.metadata.get("live") and not trait.metadata.get("secret")
            }
            with self._telling():
                self.add_traits(**made)
            self.observe(self._steer, list(made))
            self._scenario = scenario  # now, as another thread may ask at the same moment
        self.tell(values)

    def tell(self, values: Mapping[str, object]) -> None:
        """Set the traits to what is in force."""
        with self._telling():
            for name in self.trait_names():
                if name in values and getattr(self, name) != values[name]:
                    self.set_trait(name, values[name])
            for name in list(self._refused):
                self._refused.discard(name)
                # Whoever is linked still shows what was refused, because a link is deaf meanwhile.
                now = getattr(self, name)
                self.notify_change(Bunch(owner=self, name=name, old=None, new=now, type="change"))

    def __repr__(self) -> str:
        return f"<live settings: {_values(self) or 'none before the first run'}>"

    def _own(self, trait: Any) -> Any:  # noqa: ANN401 - a trait, whose validate has no stub
        """Return a trait like that of the scenario, whose refusals are noted here."""
        made = copy.copy(trait)
        if not hasattr(trait, "validate"):  # takes anything
            return made

        def validate(obj: object, value: object) -> object:
            try:
                return trait.validate(obj, value)
            except traitlets.TraitError:
                self._refused.add(str(trait.name))
                raise

        made.validate = validate
        return made

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


class Seen(_Told):
    """What can be seen of the run, as numbers and words; it follows within half a second.

    While the session's loop is held, time goes on and rates fall, as nothing ends.

    Attributes
    ----------
    state : str
        "idle", "running", "terminating", "finished" or "failed".
    users : int
        Users that are here: waiting, running or leaving.
    running : int
        Users that run.
    failed : float or None
        Share of the actions of the last ten seconds that failed, from 0 to 1; None if none ended.
    rate : float
        Actions a second, over the same seconds.
    p50, p99 : float or None
        Response times of the same seconds, in seconds; None without any.
    elapsed : float
        Seconds since the run started.
    verdict : str
        "valid", "suspect" or "invalid", looked at every five seconds and at the end; empty before
        a run, while the session's loop has not answered for two seconds, and while a node has
        told nothing for three.
    judged_at : float or None
        When that was known, in seconds since the run started; None where `verdict` is empty.
    problem : str
        Why the last look failed, so that the numbers are older than they seem; empty else.

    Examples
    --------
    A label that follows::

        traitlets.dlink((session.seen, "running"), (label, "value"), str)
    """

    state: traitlets.Unicode[str, str | bytes] = traitlets.Unicode("idle")
    users: traitlets.Int[int, int] = traitlets.Int(0)
    running: traitlets.Int[int, int] = traitlets.Int(0)
    failed: traitlets.Float[int | None, int | float | None] = traitlets.Float(None, allow_none=True)
    rate: traitlets.Float[float, int | float] = traitlets.Float(0.0)
    p50: traitlets.Float[int | None, int | float | None] = traitlets.Float(None, allow_none=True)
    p99: traitlets.Float[int | None, int | float | None] = traitlets.Float(None, allow_none=True)
    elapsed: traitlets.Float[float, int | float] = traitlets.Float(0.0)
    verdict: traitlets.Unicode[str, str | bytes] = traitlets.Unicode("")
    judged_at: traitlets.Float[int | None, int | float | None] = traitlets.Float(
        None, allow_none=True
    )
    problem: traitlets.Unicode[str, str | bytes] = traitlets.Unicode("")

    def telling(self) -> AbstractContextManager[None]:
        """Return a context in which traits are set that nobody set."""
        return self._telling()

    def __repr__(self) -> str:
        return f"<seen: {_values(self)}>"


class Watcher:
    """Keeps `Live` and `Seen` of one session up to date.

    Parameters
    ----------
    session : Session
        The session; it has a loop from now on.

    Attributes
    ----------
    live : Live
        The settings that may change.
    seen : Seen
        What can be seen.
    """

    def __init__(self, session: Session) -> None:
        self.live, self.seen = Live(session), Seen()
        self._session = session
        self._judge = Judge()
        # Traits cannot be held for two threads.  Who waits for a turn does so for a while and no
        # longer, as an observer, who has one, may wait for that thread.
        self._turns = Turns()
        self._run_id = ""  # of the run that was looked at
        self._complained_of: frozenset[str] = frozenset()  # of what was logged
        self._heard: tuple[Observation, float] = Observation(), monotonic()
        self._is_closed = False
        self._thread = LoopThread("murmur-seen")
        self.look()
        if not session.is_closed:  # nothing comes of one any more
            self._thread.post("follow", self._follow)

    def look(self, patience: float | None = None) -> None:
        """Look at the run now; not on the session's loop."""
        observed = self._session.observe(by_name=False, patience=patience)
        is_idle = observed.status.state is RunState.IDLE
        if is_idle:  # nothing is seen of a run that was reset
            observed = replace(observed, recent=Recent())
        self._heard = observed, monotonic()
        run, scenario = self._session.run, self._session.scenario
        with self._turns.taken(SILENCE) as is_mine:
            if not is_mine:
                return  # whoever has it looks again soon
            if run is not None and scenario is not None:
                self._run_id = run.id
                changed = {change.what: change.new for change in observed.recent.changes}
                self.live.adopt(scenario, {**run.settings_at_start, **changed})
            self._tell(observed)
        if is_idle:
            self._judge = Judge()
            self._say(**_UNKNOWN)
        elif run is not None:
            self._judge_anew(run, observed)

    def try_look(self, patience: float | None = None) -> None:
        """Look, and go on whatever that raises: it is told, and logged if it is a defect."""
        _, error = heard(self.look, patience)
        if error is not None:
            _, worse = heard(self._miss)
            self._complain(error, worse)
        self._say(problem=self._judge.problem if error is None else error_text(error))

    def catch_up(self) -> None:
        """Look now if a run has begun, or ended, since the last look."""
        run = self._session.run
        if run is not None and (run.id != self._run_id or self._misses_the_end(run)):
            self.try_look()  # the loop may be held; then the next look may have some news

    def close(self) -> None:
        """Look for the last time, once the session is closed."""
        self._is_closed = True
        if not self._thread.is_here:  # an observer may close the session
            self._thread.close()
        self.try_look()

    def _misses_the_end(self, run: Run) -> bool:
        """Whether a run is over, and its end or the verdict on it is not told yet."""
        state = RunState(self.seen.state)
        if state is RunState.IDLE or not run.is_over:  # nothing is told of one that was reset
            return False
        return not state.is_over or self._judge.is_due(run, run.status(), monotonic())

    def _judge_anew(self, run: Run, observed: Observation) -> None:
        """Say the verdict, after it was given anew if that is due."""
        now = monotonic()
        try:
            if self._judge.is_due(run, observed.status, now):
                self._judge.judge(run, observed.status, now)
        finally:
            verdict = self._judge.known(observed.status)
            if verdict is None or observed.recent.silent:
                self._say(**_UNKNOWN)
            else:
                self._say(verdict=verdict.state, judged_at=self._judge.judged_at)

    def _miss(self) -> None:
        """Tell what is known of a run that could not be looked at: that nothing has come."""
        observed, heard_at = self._heard
        silence = monotonic() - heard_at
        if silence > SILENCE:
            self._say(**_UNKNOWN)
        status = observed.status
        if status.run_id is None or status.state.is_over:
            return
        run, elapsed = self._session.run, status.elapsed + silence
        if run is None or status.run_id != run.id:
            return
        recent = run.live.recent(elapsed, by_name=False)
        with self._turns.taken(SILENCE) as is_mine:
            if is_mine:
                status = replace(status, elapsed=elapsed)
                self._tell(replace(observed, status=status, recent=recent))

    def _complain(self, *errors: BaseException | None) -> None:
        """Log what is no refusal of the session, each kind once."""
        for error in errors:
            text = "" if error is None or isinstance(error, MurmurError) else error_text(error)
            if text and text not in self._complained_of:
                self._complained_of |= {text}
                tell = partial(_logger.error, exc_info=error)
                heard(tell, "a look at the run raised, and the next is tried all the same")

    def _tell(self, observed: Observation) -> None:
        status, total, seen = observed.status, observed.recent.total, self.seen
        with seen.telling(), seen.hold_trait_notifications():
            seen.state = str(status.state.value)
            seen.users = sum(status.users[state] for state in ("waiting", "running", "leaving"))
            seen.running = status.users["running"]
            seen.rate = total.rate
            seen.failed = total.failed_share
            seen.p50, seen.p99 = _known(total.p50), _known(total.p99)
            seen.elapsed = status.elapsed

    def _say(self, **values: object) -> None:
        """Set traits of `seen` that are not of each look."""
        with self._turns.taken(SILENCE) as is_mine:
            if is_mine:
                with self.seen.telling(), self.seen.hold_trait_notifications():
                    for name, value in values.items():
                        self.seen.set_trait(name, value)

    async def _follow(self) -> None:
        while not self._is_closed:
            await anyio.sleep(PERIOD)
            self.try_look(PATIENCE)


def _values(traits: traitlets.HasTraits) -> str:
    """Return names and values of traits."""
    names = sorted(traits.trait_names())
    return ", ".join(f"{name}={text_of(getattr(traits, name), repr)}" for name in names)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
