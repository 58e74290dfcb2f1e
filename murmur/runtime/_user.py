"""One virtual user, as its scenario sees it."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from murmur._backend import block, thread_here
from murmur._given import wait_given
from murmur._guard import heard
from murmur.errors import Leaving, WaitTimeoutError, WrongThreadError
from murmur.throttles import Seat, give_due

from ._choice import choice
from ._deliveries import arrive, stamp
from ._foreign import Iterating, wait_for
from ._stamp import Letter, Seen
from ._state import LeavingEvent
from ._timer import Timer, due_given, record_duration, refuse_the_gone

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Mapping

    from murmur._backend import Brood, Pending, Sleeper, Task, Wakeup
    from murmur.http import Client, Connecting

    from ._leftovers import Closable
    from ._run import NodeRun

Choice = TypeVar("Choice")
T = TypeVar("T")
Awaited: TypeAlias = Coroutine[Any, Any, T]

MAILBOX_SIZE = 1_000
"""Messages a mailbox holds; one more pushes the oldest out, and is counted."""


class User:
    """One virtual user: an id, a mailbox and a stopwatch.

    Made by murmur and handed to `Scenario.start`.

    Attributes
    ----------
    id : int
        From 1, unique over the cluster and the run, never reused.
    is_leaving : bool
        Whether the user was asked to leave.
    is_killed, was_cut_off : bool
        Whether it was cancelled after its grace, and once more while it cleaned up.
    is_gone : bool
        Whether it ended: what its tasks do from then on is not recorded.
    scenario : str
        Name of the scenario that it follows; of a `murmur.mix`, which of them.
    place : int
        Its place in the mix, from 0.
    admitted_at, started_at : float
        When ``user_rate`` let it in, and when ``start`` was called, in seconds of
        `anyio.current_time`.

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

    __slots__ = ("_http", "_mailbox", "_parked", "_possessions", "_random", "_receivers", "_seen",
                 "_sleeper", "_stamps", "_task", "admitted_at", "brood", "id", "is_gone",
                 "is_killed", "is_leaving", "leaving_since", "pending", "place", "run", "scenario",
                 "started_at", "was_cut_off")  # fmt: skip

    carries_due: bool = True  # `send` takes when what a message asks for was due

    def __init__(self, user_id: int, run: NodeRun, admitted_at: float) -> None:
        self.id: int = user_id
        self.run: NodeRun = run
        self.admitted_at: float = admitted_at
        self.started_at: float = math.nan
        self.leaving_since: float = math.nan
        self.is_leaving: bool = False
        self.is_killed: bool = False
        self.is_gone: bool = False
        self.pending: Pending | None = None
        self.brood: Brood | None = None  # the tasks that its code started, if it did
        self.scenario: str = ""
        self.place: int = 0
        self.was_cut_off: bool = False
        self._task: Task | None = None
        self._mailbox: deque[object] | None = None
        self._parked: list[Wakeup] | None = None
        self._receivers: list[Wakeup] | None = None
        self._sleeper: Sleeper | None = None
        self._random: random.Random | None = None
        self._http: Client | None = None
        self._possessions: list[Closable] | None = None
        self._stamps = 0
        self._seen: Seen | None = None

    def __repr__(self) -> str:
        """Return id and node."""
        return f"<User {self.id} on {self.node}{', leaving' if self.is_leaving else ''}>"

    @property
    def node(self) -> str:
        """Name of the node this user runs on."""
        return self.run.node

    @property
    def is_here(self) -> bool:
        """Whether this user is not gone."""
        return self.run.users.population.find(self.id) is self

    @property
    def random(self) -> random.Random:
        """Random numbers of this user alone: the same for the same seed and id, on any node."""
        if self._random is None:
            self._random = random.Random(f"{self.run.seed}/{self.id}")
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
        if thread_here() != self.run.native.thread:
            raise WrongThreadError(
                "user.http",
                "in a plain `def`, use a client that blocks, or an `async def` of yours by "
                "`anyio.from_thread.run`",
            )
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

    def now(self) -> float:
        """Return seconds since the run's start, on all nodes alike but for `clock_error`."""
        return self.run.run_time()

    @property
    def clock_error(self) -> float:
        """Seconds by which `now` may be wrong here: 0 in the process of the session."""
        return self.run.clock_error

    def choose(self, weights: Mapping[Choice, float]) -> Choice:
        """Return one of several things, drawn by weight from `random`.

        Parameters
        ----------
        weights : mapping
            What to choose from, and how often each is to come: numbers of any sum.

        Raises
        ------
        InvalidArgumentError
            If there is nothing to choose from, or a weight is negative or no finite number.

        Examples
        --------
        >>> import murmur
        >>> from murmur.testing import rehearse
        >>> class Shopper(murmur.Scenario):
        ...     '''Users look three times as often as they buy.'''
        ...     async def start(self, user):
        ...         for _ in range(100):
        ...             await user.choose({self.look: 3, self.buy: 1})(user)
        ...     async def look(self, user):
        ...         user.count("looks")
        ...     async def buy(self, user):
        ...         user.count("purchases")
        >>> rehearse(Shopper, 1, seed=1).counters.groupby("name")["value"].sum().to_dict()
        {'looks': 75.0, 'purchases': 25.0}
        """
        return choice(self.random, weights)

    def sleep(self, seconds: float) -> Coroutine[Any, Any, None]:
        """Wait for `seconds`, or until asked to leave; without ``await`` in a plain ``def``.

        Parameters
        ----------
        seconds : float
            Zero or less lets other tasks run once.

        Raises
        ------
        Leaving
            Once the user is asked to leave.  Let it propagate for a clean exit.
        """
        if not self.run.native.is_here():
            return self._block("sleep", lambda: self._sleep(seconds))
        sleeper = self._free_sleeper()
        if sleeper is None:
            return self._sleep(seconds)
        return cast("Coroutine[Any, Any, None]", sleeper.sleep(seconds))

    def _free_sleeper(self) -> Sleeper | None:
        """Return what a task can wait by and leave nothing behind, unless another task does."""
        sleeper = self._sleeper
        if sleeper is None:
            sleeper = self._sleeper = self.run.native.sleeper()
        return None if sleeper is None or sleeper.is_taken or self.is_leaving else sleeper

    async def _sleep(self, seconds: float) -> None:
        """Sleep where there is no sleeper, or another task of this user sleeps by its own."""
        native = self.run.native
        if self.is_leaving:
            await native.checkpoint()
            raise Leaving
        if self._parked is None:
            self._parked = []
        until = native.now() + wait_given("seconds", seconds)
        if await self._park(self._parked, until, native.sleeper()):
            raise Leaving

    def receive(self, timeout: float | None = None) -> Coroutine[Any, Any, object]:
        """Return the next message of the mailbox, waiting for one if it is empty.

        Without ``await`` in a plain ``def``.  A message that `Throttle.send` sent carries when
        it was due: the next timer of this task or thread counts response time from then.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most; for ever if not given.

        Raises
        ------
        WaitTimeoutError
            If nothing arrived in time (a `TimeoutError`).
        Leaving
            Once the user is asked to leave, even if messages are there.
        """
        if not self.run.native.is_here():
            return self._block("receive", lambda: self._receive(timeout))
        return self._receive(timeout)

    async def _receive(self, timeout: float | None) -> object:
        native = self.run.native
        wait = math.inf if timeout is None else wait_given("timeout", timeout)
        deadline = native.now() + wait
        if self._mailbox or self.is_leaving:
            await native.checkpoint()  # otherwise the wait is one
        if self._receivers is None:
            self._receivers = []
        while True:
            if self.is_leaving:
                raise Leaving
            if self._mailbox:
                message = self._mailbox.popleft()
                if type(message) is Letter:
                    give_due(message.at, native)
                    return message.message
                return message
            in_time = await self._park(self._receivers, deadline, self._free_sleeper())
            if not in_time and not self._mailbox and not self.is_leaving:
                raise WaitTimeoutError(f"no message for user {self.id}", wait)

    def wait_for(
        self, awaitable: Awaitable[T], timeout: float | None = None
    ) -> Coroutine[Any, Any, T]:
        """Await something of any library, until it is there or the user is asked to leave.

        For waits that do not know of users: a pool's connection, a queue's message.  What it
        waits for is cancelled then, and may clean up; if it goes on for a fifth of the grace,
        it is cancelled again.  A result that had come is returned, and not lost.  Without
        ``await`` in a plain ``def``.

        Parameters
        ----------
        awaitable : awaitable
            A coroutine, a future, or anything else that can be awaited on the run's loop.
        timeout : float, optional
            Seconds to wait at most; for ever if not given.

        Raises
        ------
        WaitTimeoutError
            If it took longer (a `TimeoutError`).
        Leaving
            Once the user is asked to leave.

        Examples
        --------
        A scenario's ``start`` says::

            item = await user.wait_for(self.redis.blpop("jobs"))
        """
        if not self.run.native.is_here():
            return self._block("wait_for", lambda: wait_for(self, awaitable, timeout))
        return wait_for(self, awaitable, timeout)

    def iterate(self, source: AsyncIterable[T]) -> Iterating[T]:
        """Return the items of an async source, until the user is asked to leave.

        Raises
        ------
        Leaving
            From the loop, once the user is asked to leave.
        WrongThreadError
            In a plain ``def``, which has no ``async for``.

        Examples
        --------
        A scenario's ``start`` says::

            async for message in user.iterate(subscription.messages):
                user.arrived(message.payload)
        """
        return Iterating(self, source)

    def send(self, message: object, *, due_at: float | None = None) -> None:
        """Put `message` into this user's mailbox; from any thread.

        A full mailbox loses its oldest message, which is counted
        (`mailbox.overflow` in the counters).

        Parameters
        ----------
        message : object
            Anything; between nodes, plain values.
        due_at : float, optional
            When what it asks for was due, in seconds of `anyio.current_time`: the timer after
            `receive` counts from then.  Without it, a message changes no due time.
        """
        letter = message if due_at is None else Letter(due_given(due_at), message)
        self.run.native.run_here(self._deliver, letter)

    def stop(self) -> None:
        """Ask this user to leave; from any thread."""
        self.run.native.run_here(self.run.users.ask, self)

    def timer(self, name: str, *, due_at: float | None = None) -> Timer:
        """Return a context manager that records its block as the action `name`.

        Parameters
        ----------
        name : str
            What is done.
        due_at : float, optional
            When it was due, in seconds of `anyio.current_time`, for queues of your own; a
            moment to come counts as now.  Without it, the permit of the throttle that this
            task or thread waited for says, or else it is due when it starts.

        Examples
        --------
        A scenario's ``start`` says::

            with user.timer("login"):
                await client.login(user.id)
        """
        return Timer(self.run, name, self, due_at=due_at)

    def record(
        self, name: str, seconds: float, ok: bool = True, *, due_at: float | None = None
    ) -> None:
        """Record an action that took `seconds` and ends now.

        Parameters
        ----------
        name : str
            What was done.
        seconds : float
            How long it took.
        ok : bool, default True
            Whether it succeeded.
        due_at : float, optional
            When it was due, in seconds of `anyio.current_time`; when it started if not given.

        Raises
        ------
        InvalidArgumentError
            If `seconds` is negative or not finite, or `due_at` is not finite.
        """
        record_duration(self.run, name, self, seconds, ok=ok, due_at=due_at)

    def count(self, name: str, n: int = 1) -> None:
        """Add `n` to the counter `name`."""
        if not self.is_gone or not refuse_the_gone(self.run.recorder, self):
            self.run.recorder.count(name, n)

    def gauge(self, name: str, value: float) -> None:
        """Set the gauge `name` to `value`."""
        if not self.is_gone or not refuse_the_gone(self.run.recorder, self):
            self.run.recorder.gauge(name, value)

    def stamp(self, name: str, expected: int = 1, *, due_at: float | None = None) -> str:
        """Return a text to send along in a message, by which its way can be measured.

        Whoever gets the message hands the text to `arrived`.

        Parameters
        ----------
        name : str
            What the message is called: the action's name, and the row in the frame
            ``deliveries``.
        expected : int, default 1
            How many users it should arrive at.
        due_at : float, optional
            When it should have been sent, in seconds of `anyio.current_time`: the response time
            counts from then.

        Returns
        -------
        str
            Plain text of less than 100 characters beside the name.

        Examples
        --------
        >>> import murmur
        >>> from murmur.testing import rehearse
        >>> class Pair(murmur.Scenario):
        ...     '''User 2 writes to user 1.'''
        ...     async def start(self, user):
        ...         if user.id == 2:
        ...             murmur.send(1, user.stamp("line"))
        ...         else:
        ...             user.arrived(await user.receive())
        >>> rehearse(Pair, 2).deliveries[["name", "sent", "arrived", "reach"]].values.tolist()
        [['line', 1, 1, 1.0]]
        """
        number, self._stamps = self._stamps, self._stamps + 1
        return stamp(self, name, number, expected, due_at)

    def arrived(self, stamp: str | bytes) -> float | None:
        """Record that a message with a stamp arrived at this user, as an action of its name.

        The time is from `stamp` to now on the clock that all nodes share.  A stamp that comes
        again to the same user (within its last 200) is counted as a duplicate, and one of
        another run is counted in ``deliveries.of_other_runs``; neither is an action.

        Parameters
        ----------
        stamp : str or bytes
            What `User.stamp` of the sender returned.

        Returns
        -------
        float or None
            Seconds on the way; None if nothing was recorded.

        Raises
        ------
        InvalidArgumentError
            If it is no stamp.
        """
        return arrive(self, stamp)

    @property
    def seen(self) -> Seen:
        """The stamps that came last to this user."""
        if self._seen is None:
            self._seen = Seen()
        return self._seen

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
        """Give `possession`, which `adopt` took, back; nothing if it was closed already."""
        if self._possessions is not None and possession in self._possessions:
            self._possessions.remove(possession)

    def close_possessions(self) -> None:
        """Close what was adopted; called by the runtime when the user is gone."""
        possessions, self._possessions = self._possessions, None
        for possession in possessions or ():
            heard(possession.close)  # it may be of a scenario's own making

    def _block(self, word: str, call: Callable[[], Awaited[T]]) -> Awaited[T]:
        """Wait in a thread; it has the value itself, where who can await gets a coroutine."""
        Seat.take_place()
        value = block(self.run.native, call, name=f"user.{word}", caller=self)
        return cast("Awaited[T]", value)

    async def wait_asked(self) -> None:
        """Block until asked to leave; what ``leaving.wait()`` does."""
        with suppress(Leaving):
            await self._sleep(math.inf)

    async def _park(self, among: list[Wakeup], until: float, by: Sleeper | None = None) -> bool:
        """Wait, with `by` at the least cost, for a wake-up in `among`; False at the deadline."""
        native = self.run.native
        wakeup: Wakeup = by or native.wakeup()
        among.append(wakeup)
        try:
            if by is None:
                return await native.wait_until(wakeup, until)
            await by.wait(until - native.now())
            return by.was_woken
        finally:
            among.remove(wakeup)

    def _deliver(self, message: object) -> None:
        if self._mailbox is None:
            self._mailbox = deque(maxlen=MAILBOX_SIZE)
        if len(self._mailbox) == MAILBOX_SIZE:
            self.run.mailbox_overflowed(self)
        self._mailbox.append(message)
        for wakeup in self._receivers or ():
            wakeup.wake()

    def begin(self, task: Task) -> None:
        """Take note of the task that is this user's life; called by the runtime."""
        self._task = task

    def ask(self, at: float) -> None:
        """Tell the user at the moment `at` to leave, and wake what it waits for; of the runtime."""
        self.is_leaving = True
        self.leaving_since = at
        if self._receivers and self._mailbox is None:
            self.run.recorder.count("mailbox.silent")
        if self._sleeper is not None:
            self._sleeper.interrupt(Leaving())
        for wakeups in (self._parked, self._receivers):
            for wakeup in list(wakeups or ()):
                wakeup.wake()

    def kill(self) -> None:
        """Cancel what the user does; called by the runtime after the grace.

        One that waits with us in a thread is called back from there, and ends by itself.
        """
        pending = self.pending
        self.was_cut_off, self.is_killed = self.is_killed, True
        if pending is not None and not self.was_cut_off:
            pending.close()
        elif self._task is not None:
            self._task.cancel()

    def abandon(self) -> None:
        """Give up on a task that ignores its cancellation; called by the runtime."""
        if self._task is not None:
            self.run.native.abandon(self._task)

    def end(self) -> None:
        """Close what the user has: from now on it records nothing; called by the runtime."""
        if self._sleeper is not None and self._sleeper.is_unawaited:
            self.run.recorder.count("sleep.unawaited")
        self.is_gone, self._sleeper, self._task = True, None, None  # a task's context knows this
        if self._mailbox and self._receivers is None:
            self.run.recorder.count("mailbox.unread", len(self._mailbox))
        self.close_possessions()
        if self.pending is not None:
            self.pending.close()
