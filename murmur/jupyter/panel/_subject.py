"""A session as the panel needs it: looked at from its own loop, called from anywhere else."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from functools import partial

import anyio.to_thread

from murmur._session import Observation, Run, Session, is_default, notebook_names
from murmur.errors import SessionClosedError, UnresponsiveError
from murmur.scenario import Scenario, scenarios_in

LOOK_WITHIN = 2.0
"""Seconds that a look may take: a node may be silent."""

_logger = logging.getLogger(__name__)


class Subject:
    """The session that a panel is about."""

    def __init__(
        self,
        session: Session,  # it has a loop from now on, if it had none
    ) -> None:
        self.session = session

    @property
    def run(self) -> Run | None:
        """Its latest run."""
        return self.session.run

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

    def post(self, fn: Callable[..., Awaitable[object]], *args: object) -> None:
        """Have ``fn(*args)`` called on the loop; returns at once."""
        self.session.background(fn, *args).add_done_callback(_report)

    async def look(self) -> Observation | None:
        """Return what it is doing; only to be called on its loop.

        None if the nodes do not answer in time.
        """
        look = partial(self.session.observe, by_name=False, patience=LOOK_WITHIN)
        try:
            return await anyio.to_thread.run_sync(look, abandon_on_cancel=True)
        except UnresponsiveError:
            return None


def _report(future: Future[object]) -> None:
    """Log what nobody waits for; the end of the session is no failure."""
    if future.cancelled():
        return
    error = future.exception()
    if error is not None and not isinstance(error, SessionClosedError):
        _logger.error("the panel's task failed", exc_info=error)
