"""One virtual user, as its scenario sees it."""

from __future__ import annotations

import math
import random
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from murmur.errors import Leaving, ReceiveTimeoutError

from ._timer import Timer, record_duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from murmur._backend import Task, Wakeup
    from murmur.http import Client, Connecting
    from murmur.throttles import Due

    from ._run import NodeRun

__all__ = ["MAILBOX_SIZE", "LeavingEvent", "User"]

MAILBOX_SIZE = 1_000
"""Messages a mailbox holds; one more pushes the oldest out, and is counted."""


class Closable(Protocol):
    """Something that can be closed at once."""

    def close(self) -> None:
        """Close it."""


class User:
    """One virtual user: an id, a mailbox and a stopwatch.

    Made by murmur and handed to `Scenario.start`.

    Attributes
    ----------
    id : int
        From 1, unique over the cluster and the run, never reused.

    Examples
    --------
    >>> import murmur
    >>> from murmur.testing import rehearse
    >>> class Shopper(murmur.Scenario):
    ...     '''Users look at a few pages, each for a while.'''
    ...     async def start(self, user):
    ...         for _ in range(user.random.randint(1, 3)):
    ...             with user.timer("page"):
    ...                 await user.sleep(0.2)
    ...             await user.sleep(5)
    ...         user.count("visits")
    >>> rehearse(Shopper, 10, seed=1).users["outcome"].unique().tolist()
    ['finished']
    """

    __slots__ = ("_asked", "_http", "_killed", "_mailbox", "_parked", "_possessions", "_random",
                 "_receivers", "_run", "_task", "admitted_at", "id", "last_due",
                 "started_at")  # fmt: skip

    def __init__(self, user_id: int, run: NodeRun, admitted_at: float) -> None:
        self.id: int = user_id
        self.admitted_at: float = admitted_at
        self.started_at: float = math.nan
        self.last_due: Due | None = None
        self._run = run
        self._asked = False
        self._killed = False
        self._task: Task | None = None
        self._mailbox: deque[object] | None = None
        self._parked: list[Wakeup] | None = None
        self._receivers: list[Wakeup] | None = None
        self._random: random.Random | None = None
        self._http: Client | None = None
        self._possessions: list[Closable] | None = None

    def __repr__(self) -> str:
        """Return id and node."""
        return f"<User {self.id} on {self.node}{', leaving' if self._asked else ''}>"

    @property
    def node(self) -> str:
        """Name of the node this user runs on."""
        return self._run.node

    @property
    def is_here(self) -> bool:
        """Whether this user is not gone."""
        return self._run.users.population.find(self.id) is self

    @property
    def random(self) -> random.Random:
        """Random numbers of this user alone: the same for the same seed and id.

        Another node in the cluster, or another user, does not change them.
        """
        if self._random is None:
            self._random = random.Random(f"{self._run.seed}/{self.id}")
        return self._random

    @property
    def http(self) -> Client:
        """The HTTP client of this user; needs the extra ``http``.

        Its options are the scenario's attribute ``http``, a `murmur.http.Options`.  Without
        one, relative URLs are relative to the scenario's setting ``base_url``.

        Examples
        --------
        A scenario's ``start`` says::

            response = await user.http.get("/items/{id}", id=7)
        """
        if self._http is None:
            # The layer above: only who uses HTTP needs its packages.
            from murmur.http import client_of

            self._http = client_of(self)
        return self._http

    @property
    def websocket(self) -> Callable[..., Connecting]:
        """Opens a WebSocket: `murmur.http.Client.websocket` of this user's client.

        Examples
        --------
        A scenario's ``start`` says::

            async with user.websocket("/rooms/{room}", room=7) as room:
                await room.ask("hello", name="greet", timeout=5)
        """
        return self.http.websocket

    @property
    def leaving(self) -> LeavingEvent:
        """Set once the user is asked to leave; ``is_set()`` and ``await wait()``."""
        return LeavingEvent(self)

    @property
    def is_leaving(self) -> bool:
        """Whether the user was asked to leave."""
        return self._asked

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`, or until asked to leave.

        Parameters
        ----------
        seconds : float
            Zero or less lets other tasks run once.

        Raises
        ------
        Leaving
            Once the user is asked to leave.  Let it propagate for a clean exit.
        """
        native = self._run.native
        if self._asked:
            await native.checkpoint()
            raise Leaving
        wakeup = native.wakeup()
        parked = self.listen(wakeup)
        try:
            woken = await native.doze(wakeup, max(0.0, seconds))
        finally:
            parked.remove(wakeup)
        if woken:
            raise Leaving

    async def receive(self, timeout: float | None = None) -> object:
        """Return the next message of the mailbox, waiting for one if it is empty.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most; for ever if not given.

        Raises
        ------
        ReceiveTimeoutError
            If nothing arrived in time (a `TimeoutError`).
        Leaving
            Once the user is asked to leave, even if messages are there.
        """
        native = self._run.native
        deadline = math.inf if timeout is None else native.now() + timeout
        await native.checkpoint()
        if self._receivers is None:
            self._receivers = []
        while True:
            if self._asked:
                raise Leaving
            if self._mailbox:
                return self._mailbox.popleft()
            in_time = await self._park(self._receivers, deadline)
            if not in_time and not self._mailbox and not self._asked:
                raise ReceiveTimeoutError(self.id, timeout or 0.0)

    def send(self, message: object) -> None:
        """Put `message` into this user's mailbox; from any thread.

        A full mailbox loses its oldest message, which is counted
        (`mailbox.overflow` in the counters).
        """
        self._run.native.run_here(self._deliver, message)

    def stop(self) -> None:
        """Ask this user to leave; from any thread."""
        self._run.native.run_here(self._run.users.ask_one, self)

    def timer(self, name: str) -> Timer:
        """Return a context manager that records its block as the action `name`.

        Examples
        --------
        A scenario's ``start`` says::

            with user.timer("login"):
                await client.login(user.id)
        """
        return Timer(self._run, name, self)

    def record(self, name: str, seconds: float, ok: bool = True) -> None:
        """Record an action that took `seconds` and ends now.

        Raises
        ------
        InvalidMeasurementError
            If `seconds` is negative or not finite.
        """
        record_duration(self._run, name, self, seconds, ok=ok)

    def count(self, name: str, n: int = 1) -> None:
        """Add `n` to the counter `name`."""
        self._run.recorder.count(name, n)

    def gauge(self, name: str, value: float) -> None:
        """Set the gauge `name` to `value`."""
        self._run.recorder.gauge(name, value)

    def listen(self, wakeup: Wakeup) -> list[Wakeup]:
        """Have `wakeup` woken when the user is asked to leave.

        For what waits on behalf of a user, such as throttles and connections.  Whoever
        calls this removes the wake-up from the list that it returns.
        """
        if self._parked is None:
            self._parked = []
        self._parked.append(wakeup)
        return self._parked

    def adopt(self, possession: Closable) -> None:
        """Have `possession` closed when the user is gone, such as its connections."""
        if self._possessions is None:
            self._possessions = []
        self._possessions.append(possession)

    def disown(self, possession: Closable) -> None:
        """Take back what `adopt` did; nothing if it was closed already."""
        if self._possessions is not None and possession in self._possessions:
            self._possessions.remove(possession)

    def _close_possessions(self) -> None:
        possessions, self._possessions = self._possessions, None
        for possession in possessions or ():
            with suppress(Exception):  # it may be of a scenario's own making
                possession.close()

    async def _wait_asked(self) -> None:
        native = self._run.native
        if self._asked:
            await native.checkpoint()
            return
        wakeup = native.wakeup()
        parked = self.listen(wakeup)
        try:
            await native.wait(wakeup)
        finally:
            parked.remove(wakeup)

    async def _park(self, among: list[Wakeup], deadline: float) -> bool:
        """Wait for a wake-up that others find in `among`; False at the deadline."""
        native = self._run.native
        wakeup = native.wakeup()
        among.append(wakeup)
        try:
            return await native.wait_until(wakeup, deadline)
        finally:
            among.remove(wakeup)

    def _deliver(self, message: object) -> None:
        if self._mailbox is None:
            self._mailbox = deque(maxlen=MAILBOX_SIZE)
        if len(self._mailbox) == MAILBOX_SIZE:
            self._run.mailbox_overflowed(self)
        self._mailbox.append(message)
        for wakeup in self._receivers or ():
            wakeup.wake()

    def _ask(self) -> None:
        """Tell the user to leave: wake whatever it waits for with us."""
        self._asked = True
        for wakeups in (self._parked, self._receivers):
            for wakeup in wakeups or ():
                wakeup.wake()

    @property
    def is_killed(self) -> bool:
        """Whether the user was cancelled after its grace."""
        return self._killed

    def _kill(self) -> None:
        self._killed = True
        if self._task is not None:
            self._task.cancel()


class LeavingEvent:
    """Whether a user was asked to leave, as an event to look at or to wait for."""

    __slots__ = ("_user",)

    def __init__(self, user: User) -> None:
        self._user = user

    def is_set(self) -> bool:
        """Return whether the user was asked to leave."""
        return self._user._asked

    async def wait(self) -> None:
        """Block until the user is asked to leave."""
        await self._user._wait_asked()
