"""A session as the panel needs it: looked at from its own loop, called from anywhere else.

The one module of the panel that reaches behind `Session`: a call that waits for its answer
cannot be made on the loop, and nothing else is made there.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple

from murmur._session import IDLE, Status, is_default, notebook_names
from murmur.errors import SessionClosedError
from murmur.scenario import scenarios_in

if TYPE_CHECKING:
    from murmur._session import Run, Session
    from murmur.cluster import NodeStatus
    from murmur.recording import Relay, RunRecord
    from murmur.scenario import Scenario

__all__ = ["Look", "Subject"]


_logger = logging.getLogger(__name__)


class Look(NamedTuple):
    """What a session was doing at one moment, and each of its nodes."""

    status: Status = IDLE
    nodes: tuple[NodeStatus, ...] = ()


class Subject:
    """The session that a panel is about.

    Parameters
    ----------
    session : Session
        It has a loop from now on, if it had none.
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    @property
    def relay(self) -> Relay:
        """Where the chunks of its runs can be heard."""
        return self.session.relay

    @property
    def run(self) -> Run | None:
        """Its latest run."""
        return self.session.run

    @property
    def record(self) -> RunRecord | None:
        """What its latest run has measured."""
        run = self.session.run
        return None if run is None else run._record

    @property
    def name(self) -> str:
        """How code says which session it is."""
        return "murmur.session()" if is_default(self.session) else "murmur.Session()"

    def scenarios(self) -> dict[str, type[Scenario]]:
        """Return the scenarios that the notebook defines, by name, and the one that ran last."""
        found = dict(sorted(scenarios_in(notebook_names()).items()))
        last = self.session.scenario
        if last is not None and last not in found.values():
            found.setdefault(last.__name__, last)
        return found

    def post(self, verb: str, fn: Callable[..., Awaitable[object]], *args: object) -> None:
        """Have ``fn(*args)`` called on the loop; returns at once."""
        self.session._host.post(verb, fn, *args).add_done_callback(_report)

    async def look(self) -> Look:
        """Return what it is doing; only to be called on its loop."""
        cluster = self.session._host.present
        if cluster is None:
            return Look()
        answer = await cluster.status()
        return Look(self.session._read(answer), answer.nodes)


def _report(future: Future[object]) -> None:
    """Log what nobody waits for; the end of the session is no failure."""
    if future.cancelled():
        return
    error = future.exception()
    if error is not None and not isinstance(error, SessionClosedError):
        _logger.error("the panel's task failed", exc_info=error)
