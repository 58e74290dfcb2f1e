"""Session that is somewhere else: looked at, and steered, from this process."""

from __future__ import annotations

import io
import logging
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from html import escape
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import finalize

from murmur._backend import BEAT
from murmur._given import amount_given
from murmur.cluster import LOOK, STEER, Ticket, Visit, unpack_code
from murmur.errors import ClusterError, MurmurError, ScenarioError, WaitTimeoutError
from murmur.runtime import RunState

from ._nodes import Nodes, wait_for
from ._observation import Observation
from ._run import Run
from ._session import Session
from ._status import Status
from ._views import Coordinators, Throttles
from ._visits import GUEST_RECORDS

if TYPE_CHECKING:
    from murmur.cluster import NodeOverview
    from murmur.results import Results, Verdict
    from murmur.scenario import Scenario

ANSWER_WITHIN = 15.0
"""Seconds that an answer may take."""

LONG = 120.0
"""Seconds that an answer may take which depends on a scenario's code, or brings a whole run."""

_logger = logging.getLogger(__name__)


def attach(ticket: Ticket | str | Path) -> AttachedSession:
    """Look at a session that another process has, and steer it.

    Panel, `add`, `remove`, `update`, throttles, `stop` and results are those of that session.
    It keeps its run when this one is closed.

    Parameters
    ----------
    ticket : Ticket, str or path
        What `Session.open` returned, or ``murmur run --listen --ticket`` wrote: itself, its text,
        or the file it was saved to.  One of ``open(read_only=True)`` looks, and no more; by any
        other the session's scenario is loaded here, as on a node.

    Returns
    -------
    AttachedSession
        A `Session`; what only its own process can do, such as `do`, raises a `ClusterError`.

    Raises
    ------
    TicketError
        If the ticket is none, is damaged, has expired, or is good for nodes only.
    JoinError
        If the session cannot be reached, or does not let this process in.

    Examples
    --------
    >>> import murmur
    >>> with murmur.Session() as session:
    ...     with murmur.attach(session.open(read_only=True)) as seen:
    ...         seen.status().state
    <RunState.IDLE: 'idle'>
    """
    read = Ticket.read(ticket)
    read.demand(LOOK)
    return AttachedSession(Visit(read, GUEST_RECORDS), read.address)


class AttachedSession(Session):
    """A session of another process, as `attach` returns it; see `Session`.

    Attributes
    ----------
    address : str
        Where it is.
    is_read_only : bool
        Whether it can be looked at, and no more.
    """

    def __init__(self, visit: Visit, address: str) -> None:
        super().__init__()
        self.address = address
        self._visit = visit

    @property
    def is_read_only(self) -> bool:
        """Whether it can be looked at, and no more."""
        return STEER not in self._visit.rights

    @property
    def run(self) -> AttachedRun | None:
        """The latest run there; None before the first."""
        facts = self.ask("run")
        if facts is None:
            return None
        if self._known is None or self._known.id != facts["id"]:
            self._known = AttachedRun(self, facts)
        return self._known

    @property
    def scenario(self) -> type[Scenario] | None:
        """The class that the latest run runs; None where it cannot be loaded here."""
        run = None if self.is_read_only else self.run
        return None if run is None else run.code

    @property
    def throttles(self) -> Throttles:
        """See `Session.throttles`."""
        return Throttles(
            lambda: self.ask("throttles"), lambda: self.status().throttles, self.call_throttle
        )

    @property
    def coordinators(self) -> Coordinators:
        """See `Session.coordinators`."""
        return Coordinators(
            lambda: self.ask("coordinators"),
            lambda name, verb: self.ask("call_coordinator", name, verb, patience=LONG),
        )

    @property
    def nodes(self) -> Nodes:
        """See `Session.nodes`."""
        return Nodes(self._overview, None)

    def ask(
        self, verb: str, *arguments: object, patience: float = ANSWER_WITHIN, **keywords: object
    ) -> Any:  # noqa: ANN401 - the verb's own
        """Return what the session there answers; for the parts of this one."""
        return self._visit.ask(verb, *arguments, patience=patience, **keywords)

    def call_throttle(self, name: str, verb: str, arguments: Mapping[str, object]) -> None:
        """See `Session.call_throttle`."""
        self.ask("call_throttle", name, verb, dict(arguments))

    def add(self, n: int, nodes: Sequence[str] | None = None, *, planned: bool = False) -> range:
        """See `Session.add`."""
        return range(*self.ask("add", n, nodes, planned=planned))

    def add_users(self, first: int, last: int) -> range:
        """See `Session.add_users`."""
        return range(*self.ask("add_users", first, last))

    def remove(self, n: int, force: bool = False, nodes: Sequence[str] | None = None) -> int:
        """See `Session.remove`."""
        return int(self.ask("remove", n, force, nodes))

    def remove_user(self, user_id: int, *, force: bool = False) -> bool:
        """See `Session.remove_user`."""
        return bool(self.ask("remove_user", user_id, force=force))

    def send(self, user_id: int, message: object) -> bool:
        """See `Session.send`."""
        return bool(self.ask("send", user_id, message))

    def update(
        self, *, nodes: Sequence[str] | None = None, **settings: object
    ) -> Mapping[str, tuple[object, object]]:
        """See `Session.update`."""
        changed: dict[str, tuple[object, object]]
        changed = self.ask("update", nodes, settings, patience=LONG)
        return changed

    def status(self) -> Status:
        """See `Session.status`."""
        return _revived(self.ask("status"))

    def observe(self, *, by_name: bool = True, patience: float | None = None) -> Observation:
        """See `Session.observe`."""
        return _seen(self.ask("observe", by_name, patience=patience or ANSWER_WITHIN))

    def stop(self) -> None:
        """See `Session.stop`."""
        self.ask("stop")

    def reset(self) -> None:
        """See `Session.reset`."""
        self.ask("reset")

    def expel(self, name: str) -> None:
        """See `Session.expel`."""
        self.ask("expel", name)

    def wait_for_nodes(self, n: int, timeout: float = 60.0) -> list[str]:
        """See `Session.wait_for_nodes`."""
        return wait_for(n, self._others, amount_given("timeout", timeout))

    def do(self, *_: object, **__: object) -> NoReturn:
        """Refuse: a scenario of this process would run there."""
        self._refuse("do")

    def open(self, *_: object, **__: object) -> NoReturn:
        """Refuse: tickets come from the session itself."""
        self._refuse("open")

    def spawn_nodes(self, *_: object, **__: object) -> NoReturn:
        """Refuse: nodes start where the session is."""
        self._refuse("spawn_nodes")

    def use(self, *_: object, **__: object) -> NoReturn:
        """Refuse: the session has to be a client of the deployment."""
        self._refuse("use")

    def revoke(self, name: str) -> NoReturn:
        """Refuse: a guest sends no other away."""
        self._refuse("revoke")

    def close(self) -> None:
        """Leave the session; its run goes on."""
        self._visit.close()
        super().close()

    def __repr__(self) -> str:
        """Return where it is."""
        kind = "read only" if self.is_read_only else "steered from here, too"
        return f"<murmur.Session at {self.address}, {kind}>"

    def _repr_html_(self) -> str | None:
        """Return the status as a table, or why there is none."""
        try:
            return super()._repr_html_()
        except MurmurError as error:
            return _without_a_table(self, error)

    _known: AttachedRun | None = None

    def _overview(self) -> dict[str, NodeOverview]:
        known: dict[str, NodeOverview] = self.ask("nodes")
        return {name: replace(node, state=RunState(node.state)) for name, node in known.items()}

    def _others(self) -> list[str]:
        return sorted(set(self._overview()) - {"local"})

    def _refuse(self, verb: str) -> NoReturn:
        raise ClusterError(
            f"{verb} is for the process that has the session; this one is attached to it at "
            f"{self.address}"
        )


class AttachedRun(Run):
    """A run of a session that another process has; see `Run`."""

    def __init__(self, session: AttachedSession, facts: Mapping[str, Any]) -> None:
        self.id: str = facts["id"]
        self.scenario: str = facts["scenario"]
        self.seed: int = facts["seed"]
        self.settings_at_start: dict[str, object] = facts["settings_at_start"]
        self.directory: Path | None = None
        self._there = session
        self._final: Results | None = None

    @property
    def settings(self) -> dict[str, object]:
        """See `Run.settings`."""
        settings: dict[str, object] = self._there.ask("run_settings", self.id)
        return settings

    @property
    def results(self) -> Results:
        """What was measured up to now, fetched as a whole; keep it to look at several frames.

        It is fetched anew each time, and once more when the run is over.
        """
        from murmur.results import load

        if self._final is not None:
            return self._final
        is_over = self.is_over
        packed = self._there.ask("archive", self.id, patience=LONG)
        home = mkdtemp(prefix="murmur-")
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            archive.extractall(home)
        results = load(home)
        finalize(results, shutil.rmtree, home, ignore_errors=True)
        if is_over:
            self._final = results
        return results

    @property
    def is_over(self) -> bool:
        """See `Run.is_over`."""
        facts = self._there.ask("run")
        return facts is None or facts["id"] != self.id or bool(facts["is_over"])

    @cached_property
    def code(self) -> type[Scenario] | None:
        """The scenario's class; None where it cannot be loaded here."""
        try:
            return unpack_code(self._there.ask("code"))
        except ScenarioError as error:
            _logger.warning("its settings have no form here: %s", error)
            return None

    def judged(self) -> tuple[Verdict, dict[tuple[float, str], str]]:
        """See `Run.judged`."""
        from murmur.results import Verdict

        state, reasons, effects = self._there.ask("judged", self.id, patience=LONG)
        return Verdict(state, tuple(reasons)), {(at, what): text for at, what, text in effects}

    def status(self) -> Status:
        """See `Run.status`; refused once the session there has another run."""
        return _revived(self._there.ask("run_status", self.id))

    def observe(self, *, by_name: bool = True) -> Observation:
        """See `Run.observe`."""
        return _seen(self._there.ask("run_observe", self.id, by_name))

    def stop(self) -> None:
        """See `Run.stop`."""
        if not self.is_over:
            self._there.stop()

    def wait(self, timeout: float | None = None) -> Status:
        """See `Run.wait`."""
        deadline = None if timeout is None else monotonic() + timeout
        while not self.is_over:
            if deadline is not None and monotonic() > deadline:
                raise WaitTimeoutError(
                    f"run {self.id} is still on: no end", timeout or 0.0, "it goes on"
                )
            sleep(BEAT)
        return self.status()

    def __repr__(self) -> str:
        """Return id, scenario and where it is; asks nobody, who may be gone."""
        return f"<Run {self.id} of {self.scenario}, at {self._there.address}>"

    def _repr_html_(self) -> str:
        """Return a table of its settings, or why there is none."""
        try:
            return super()._repr_html_()
        except MurmurError as error:
            return _without_a_table(self, error)

    def _look(self) -> None:
        """Do nothing: each question tells whether the session is there."""


def _without_a_table(shown: object, error: MurmurError) -> str:
    return f"<p>{escape(repr(shown))}: {escape(str(error))}</p>"


def _seen(seen: Observation) -> Observation:
    nodes = tuple(replace(node, state=RunState(node.state)) for node in seen.nodes)
    return replace(seen, status=_revived(seen.status), nodes=nodes)


def _revived(status: Status) -> Status:
    nodes = {name: RunState(state) for name, state in status.nodes.items()}
    return replace(status, state=RunState(status.state), nodes=nodes)
