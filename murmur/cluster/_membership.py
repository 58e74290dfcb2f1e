"""A running process as a node of somebody's session: `join`, and the ways around it.

The node lives in two threads of its own: one for the link, one for the loop of the users.
So the notebook it was joined from stays usable, and a user that blocks its loop does not
make the node look dead.
"""

from __future__ import annotations

import atexit
import logging
import os
import platform
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Self

from anyio.abc import TaskStatus

from murmur._backend import USERS_LOOP, LoopThread, thread_lock
from murmur.errors import NodeLostError, TicketError

from ._lives import Lives
from ._thread import LinkThread
from ._ticket import JOIN, Ticket

if TYPE_CHECKING:
    from murmur.recording import RunRecord

    from ._agent import Agent
    from ._link import NodeLink

LEAVE = 15.0
"""Seconds that leaving waits for the run to end here, besides what the run may take."""

LOOK = 0.5
"""Seconds between two looks at whether anybody steers this node yet."""

_logger = logging.getLogger(__name__)


class Membership:
    """The part of this process that is a node of a session; made by `murmur.join`.

    Attributes
    ----------
    name : str
        What the node is called in the session.
    address : str
        Where the steering kernel is.
    """

    def __init__(
        self,
        ticket: Ticket,
        name: str,
        *,
        wait: float = 0.0,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self.address: str = ticket.address
        self._ticket = ticket
        self._lives = Lives(
            self._connect, name=name, address=ticket.address, wait=wait, is_wanted=is_wanted
        )
        self._over: Future[None] = Future()
        self._leaving = thread_lock()
        self._thread = LoopThread("murmur-node", USERS_LOOP)
        try:
            self._thread.start("join", self._live)
        except BaseException:
            self._thread.close()
            raise
        self.name: str = self._agent.local.name
        atexit.register(self.leave)

    @property
    def is_over(self) -> bool:
        """Whether this process is a node no more."""
        return self._over.done()

    @property
    def reason(self) -> str:
        """Why it is none any more; empty while it is one."""
        return self._agent.reason if self.is_over else ""

    @property
    def is_lost(self) -> bool:
        """Whether the steering kernel is lost; it may come back until `is_over`."""
        return self._agent.is_lost

    @property
    def undelivered(self) -> RunRecord | None:
        """What was measured after the steering kernel was lost; ``Results(...)`` shows it."""
        return self._agent.undelivered

    def wait(self, timeout: float | None = None) -> bool:
        """Block until this process is a node no more; False if it is one after `timeout`."""
        deadline = None if timeout is None else monotonic() + timeout
        while not self._over.done():
            left = 0.2 if deadline is None else min(0.2, deadline - monotonic())
            if left <= 0:
                return False
            try:
                self._over.result(left)
            except TimeoutError:
                continue
        return True

    def leave(self, *, is_asked: bool | None = False) -> None:
        """End the run here in order, and be a node no more; fine if that is so already.

        Parameters
        ----------
        is_asked : bool or None, default False
            Whether whoever steers the session wants this, as by scaling down: then its
            users do not count as gone from the plan.  None lets the session answer.

        Notes
        -----
        A user that blocks its loop for ever keeps the threads of the node for ever; then
        this returns without them.
        """
        atexit.unregister(self.leave)
        with self._leaving:
            self._leave(is_asked)

    def _leave(self, is_asked: bool | None) -> None:
        if not (self._over.done() or self._thread.is_closed):
            self._thread.post("leave", partial(self._lives.leave, is_asked=is_asked))
            if not self.wait(LEAVE + self._agent.end_within):
                _logger.warning("node %s leaves although its run did not end in time", self.name)
        self._thread.close()

    def wait_steered(self) -> None:
        """Block until this process is a node no more, or its run outlives who steered it."""
        deserted_at: float | None = None
        while not self.wait(LOOK):
            if not self._agent.is_deserted or self._agent.over.is_set():
                deserted_at = None
                continue
            deserted_at = deserted_at or monotonic()
            if monotonic() - deserted_at > LEAVE + self._agent.end_within:
                return

    def __enter__(self) -> Self:
        """Return the membership."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave."""
        self.leave()

    def __repr__(self) -> str:
        """Return name and whether it is over."""
        state = f"over: {self.reason}" if self.is_over else "on"
        return f"<node {self.name} of the session at {self.address}: {state}>"

    @property
    def _agent(self) -> Agent:
        return self._lives.agent

    def _connect(self) -> tuple[NodeLink, LinkThread]:
        from ._tls import TlsNodeLink

        return TlsNodeLink(self._ticket), LinkThread()

    async def _live(self, *, task_status: TaskStatus[Agent]) -> None:
        try:
            await self._lives.live(task_status=task_status)
        finally:
            self._over.set_result(None)


def join(ticket: Ticket | str | Path, *, name: str | None = None, wait: float = 0.0) -> Membership:
    """Make this process, such as the kernel of a notebook, a node of a session.

    Returns when it was let in.  Users of the session's runs then live here too, in
    a thread of their own; what else the process does goes on.

    Parameters
    ----------
    ticket : Ticket, str or path
        What `Session.open` returned: itself, its text, or the file it was saved to.  It
        lets the steering kernel run code here.
    name : str, optional
        What the node is to be called; the name of the host if not given.  The session adds
        a number where it has a node of that name already.
    wait : float, default 0.0
        Seconds to wait for a session that is not there yet, or for the file of its ticket.

    Raises
    ------
    TicketError
        If the ticket is none, is damaged, or has expired.
    JoinError
        If the session cannot be reached, or does not let this process in.

    Examples
    --------
    >>> import murmur
    >>> with murmur.Session() as session:
    ...     ticket = session.open()
    ...     with murmur.join(ticket, name="second") as node:
    ...         list(session.nodes)
    ['second']
    """
    read, wait = _for_nodes(ticket, wait)
    return Membership(read, name or platform.node() or "node", wait=wait)


def serve_node(
    ticket: Ticket | str | Path,
    *,
    name: str | None = None,
    wait: float = 0.0,
    # whether to try to come back when the steering kernel is lost; asked each time
    is_wanted: Callable[[], bool] = lambda: True,
) -> int:
    """Be a node until the session ends, and return an exit code: what ``murmur node`` does.

    Returns
    -------
    int
        0 if the session ended or sent the node away, 1 if the steering kernel was lost.

    Raises
    ------
    TicketError, JoinError
        See `join`.
    """
    called = name or platform.node() or "node"
    read, wait = _for_nodes(ticket, wait)
    membership = Membership(read, called, wait=wait, is_wanted=is_wanted)
    is_stranded = False
    try:
        membership.wait_steered()
        is_stranded = not membership.is_over
    finally:
        if not is_stranded:
            membership.leave()
        if not membership.is_over:
            # Its thread cannot be ended, and would keep the process and its load alive.
            _logger.error("node %s ends at once: its run does not end by itself", membership.name)
            os._exit(1)
    if membership.is_lost:
        _logger.error("%s", NodeLostError("steering", membership.reason))
    return int(membership.is_lost)


def _for_nodes(source: Ticket | str | Path, wait: float) -> tuple[Ticket, float]:
    """Return a ticket that lets its holder join, and for how long the session may be awaited.

    The file of the ticket is part of a session that is not there yet, and awaited as well.
    """
    deadline = monotonic() + wait
    while True:
        try:
            ticket = Ticket.read(source)
            break
        except TicketError:
            if not Ticket.is_awaited(source) or monotonic() > deadline:
                raise
        sleep(LOOK)
    ticket.demand(JOIN)
    return ticket, max(0.0, deadline - monotonic())
