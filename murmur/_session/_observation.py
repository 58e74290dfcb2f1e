"""Observation of a session: what a front end may read, frozen at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from murmur.recording import Recent

from ._search_progress import SearchProgress
from ._status import IDLE, Status

if TYPE_CHECKING:
    from murmur.cluster import NodeStatus
    from murmur.recording import LiveView


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a session was doing at one moment, and the newest minutes of its latest run.

    Panel, widgets and the live table of ``murmur run`` are drawn from it; so may a front end
    of your own be.

    Attributes
    ----------
    status : Status
        State, users and throttles.
    nodes : tuple of NodeStatus
        State, users and problems of each node that answered: ``node``, ``state``, ``users``,
        ``problems``; none once the run is over.
    recent : Recent
        What was measured: ``windows``, ``population``, ``permits``, ``actions``, ``total``,
        ``changes``, ``failures``, ``health``, and in how many of the last ``judged`` windows
        the generator was ``unfit``.
    search : SearchProgress or None
        How far the search for capacity is that goes on; what it found until the next run.

    Examples
    --------
    >>> import murmur
    >>> with murmur.Session() as session:
    ...     seen = session.observe()
    >>> seen.status.state == "idle", seen.recent.total.count
    (True, 0)
    """

    status: Status = IDLE
    nodes: tuple[NodeStatus, ...] = ()
    recent: Recent = field(default_factory=Recent)
    search: SearchProgress | None = None

    @classmethod
    def of(
        cls,
        live: LiveView | None,
        status: Status,
        nodes: tuple[NodeStatus, ...] = (),
        *,
        by_name: bool,
        search: SearchProgress | None = None,
    ) -> Observation:
        """Return what a session does, and the newest minutes of its run if there was one."""
        recent = Recent()
        if live is not None:
            is_over = status.state.is_over
            recent = live.recent(status.elapsed, by_name=by_name, is_over=is_over)
        if search is not None and search.outcome and search.run_id != status.run_id:
            search = None
        return cls(status=status, nodes=nodes, recent=recent, search=search)
