"""Context of a verb: the session that it steers and the names of the notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

if TYPE_CHECKING:
    from murmur._session import Run, Session
    from murmur.scenario import Scenario

__all__ = ["Context"]

_NOTHING_RAN = "nothing has run yet; start with: %amoc do NAME USERS"


@dataclass(frozen=True, slots=True)
class Context:
    """The session, looked up when a verb needs it, and the notebook's namespace."""

    # returns the session to steer; may make the notebook's default one
    find_session: Callable[[], Session]
    namespace: Mapping[str, object]  # the variables that a line may name
    # takes the session that later lines steer; None is the one that was steered first
    steer: Callable[[Session | None], None] = lambda session: None

    @property
    def session(self) -> Session:
        """The session to steer."""
        return self.find_session()

    @property
    def run(self) -> Run:
        """The latest run of the session, or a `UsageError` that says how to start one."""
        run = self.session.run
        if run is None:
            raise UsageError(_NOTHING_RAN)
        return run

    @property
    def scenario(self) -> type[Scenario]:
        """The scenario of the latest run, or a `UsageError` that says how to start one."""
        scenario = self.session.scenario
        if scenario is None:
            raise UsageError(_NOTHING_RAN)
        return scenario
