"""Lives of a node: one for each connection to its session, until it is a node no more.

A node that loses the steering kernel ends its load and tries to come back, without its
users, for as long as the session lets it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

import anyio
import anyio.abc
from anyio.abc import TaskStatus

from murmur._backend import native
from murmur.errors import JoinError
from murmur.telemetry import bus

from ._agent import Agent
from ._clock import ClockOffset
from ._heart import Heart
from ._past import Past

if TYPE_CHECKING:
    from ._link import NodeLink

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
"""Seconds between two attempts to connect: at first, and at most."""

_logger = logging.getLogger(__name__)


class Line(Protocol):
    """What carries one end of a link, such as a thread."""

    async def start(self, serve: Callable[..., Awaitable[Any]], *args: object) -> Any:  # noqa: ANN401
        """Start ``serve(*args, task_status=...)``; return what it starts with."""

    async def end(self) -> None:
        """End what was started."""


class Lives:
    """The node that this process is, over all its connections; serves itself by `live`."""

    agent: Agent  # that of the newest connection

    def __init__(
        self,
        # returns a new end of a link and the line that carries it
        connect: Callable[[], tuple[NodeLink, Line]],
        *,
        name: str,
        address: str,  # where the steering kernel is, for messages
        wait: float = 0.0,  # seconds to wait for a session that is not there yet
        # whether to try to come back at all; asked before each attempt
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self._connect = connect
        self._name = name
        self._address = address
        self._wait = wait
        self._is_wanted = is_wanted
        self._past = Past()
        self._is_leaving = False
        self._trying: anyio.CancelScope | None = None

    async def live(self, *, task_status: TaskStatus[Agent]) -> None:
        """Be a node until that is over; starts with the agent once it was let in.

        Raises `JoinError` if the session cannot be reached, or does not let this process in.
        """
        refusal: JoinError | None = None
        async with anyio.create_task_group() as tasks:
            try:
                over: anyio.Event | None = await self._enter(tasks, self._wait)
                task_status.started(self.agent)
            except JoinError as error:
                refusal = error  # raised below, or it would come in a group
            else:
                while over is not None:
                    over = await self._come_back(tasks, over)
            tasks.cancel_scope.cancel()
        if refusal is not None:
            raise refusal

    async def leave(self, *, is_asked: bool | None = False) -> None:
        """Be a node no more; see `Agent.leave`."""
        self._is_leaving = True
        if self._trying is not None:
            self._trying.cancel()
        await self.agent.leave(is_asked=is_asked)

    async def _come_back(self, tasks: anyio.abc.TaskGroup, over: anyio.Event) -> anyio.Event | None:
        """Wait for the end of a connection; return that of the next one, if there is one."""
        await over.wait()
        lost = self.agent
        if self._is_leaving or not lost.is_lost or not lost.rejoin:
            return None
        with anyio.CancelScope() as trying:
            self._trying = trying
            try:
                over = await self._enter(tasks, lost.rejoin)
            except JoinError as error:
                _logger.warning("node %s does not come back: %s", lost.local.name, error.reason)
                return None
            _logger.warning("node %s is back, without users", self.agent.local.name)
            return over
        return None

    async def _enter(self, tasks: anyio.abc.TaskGroup, patience: float) -> anyio.Event:
        """Connect and be let in, trying for so long; return what is set when that is over."""
        deadline, pause = anyio.current_time() + patience, FIRST_PAUSE
        while True:
            over = anyio.Event()
            try:
                self.agent = await tasks.start(self._one, over)
            except JoinError as error:
                left = deadline - anyio.current_time()
                if error.is_final or left <= 0 or not self._is_wanted():
                    raise
                await anyio.sleep(min(pause, left))
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                return over

    async def _one(self, over: anyio.Event, *, task_status: TaskStatus[Agent]) -> None:
        """Be a node over one connection; sets `over` when that and its line have ended."""
        link, line = self._connect()
        refusal: JoinError | None = None
        try:
            async with anyio.create_task_group() as tasks:
                clock = ClockOffset()
                agent = Agent(link, clock, self._past, bus=bus, tasks=tasks)
                heart = Heart(link, clock, agent, native(), lambda: agent.stuck_for)
                try:
                    await line.start(link.serve, heart)
                    await agent.enter(self._name, self._address)
                except JoinError as error:
                    refusal = error
                else:
                    task_status.started(agent)
                    await agent.wait_over()
                finally:
                    agent.over.set()
                    link.close()
                tasks.cancel_scope.cancel()
            if refusal is not None:
                raise refusal
        finally:
            with anyio.CancelScope(shield=True):
                await line.end()
            over.set()
