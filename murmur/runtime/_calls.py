"""Calls the scenario's own functions: each as a span of events, each within its time."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.to_thread

from murmur._backend import OverdueError, call_within, thread_here
from murmur._guard import EscapedError, error_text, text_of, trace_of
from murmur.errors import CallbackError, MurmurError, WaitTimeoutError
from murmur.scenario import Callback, Callbacks, Mix, callbacks, refuse_coroutine
from murmur.throttles import Seat

from ._process import busy_thread
from .health._stack import line_of_thread, line_within

if TYPE_CHECKING:
    from murmur.scenario import Scenario

    from ._run import NodeRun
    from ._user import User

T = TypeVar("T")


class Threads:
    """Worker threads of one run; knows which users still sit in one.

    A thread cannot be cancelled.  A user that is killed lets go of its thread, which
    runs on until the scenario's function returns; that is reported with the user.
    """

    def __init__(self) -> None:
        self._limiter = anyio.CapacityLimiter(math.inf)
        self._busy: set[int] = set()

    def is_busy(self, user: User) -> bool:
        """Whether the function of `user` has not returned yet."""
        return user.id in self._busy

    @property
    def busy(self) -> int:
        """For how many users that is so."""
        return len(self._busy)

    async def run(self, fn: Callable[[], T]) -> T:
        """Return what `fn` returns, called in a thread."""
        return await anyio.to_thread.run_sync(fn, abandon_on_cancel=True, limiter=self._limiter)

    async def run_user(self, user: User, fn: Callable[[], T]) -> T:
        """Do the same for a user, and remember that its thread is busy."""
        self._busy.add(user.id)

        def call() -> T:
            Seat.take_place()
            with busy_thread():
                try:
                    return fn()
                finally:
                    self._busy.discard(user.id)

        return await self.run(call)


class Role:
    """A scenario that users follow: the run's own, or one of a mix."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario: Scenario = scenario
        self.name: str = type(scenario).__name__
        self.callbacks: Callbacks = callbacks(type(scenario))
        self.state: Any = None
        self.line: str = ""  # where its callback was when that was given up

    def body(self, threads: Threads) -> Callable[[User], Awaitable[object]]:
        """Return what one user does: a coroutine, or a function in a thread."""
        start = self.callbacks.start
        if start.is_async and not start.takes_state:
            return start.method(self.scenario)
        bound = start.bind(self.scenario)
        if start.is_async:
            return lambda user: bound(user, self.state)
        return lambda user: threads.run_user(user, lambda: bound(user, self.state))


class Calls:
    """The callbacks of a run's scenario, in whatever form the class declares them."""

    def __init__(self, run: NodeRun) -> None:
        self._run = run
        scenario = run.scenario
        self._mix = scenario if isinstance(scenario, Mix) else None
        players = self._mix.players if self._mix else [scenario]
        self.roles: list[Role] = [Role(each) for each in players]
        self._bodies = [role.body(run.threads) for role in self.roles]

    async def init(self) -> None:
        """Call `init` and keep what it returns; of a mix, that of each.

        Raises `CallbackError` or `WaitTimeoutError` if it raised, or did not return in time.
        """
        for role in self.roles:
            if role.callbacks.init is not None:
                role.state = await self._span("init", role.callbacks.init, (), role)

    async def terminate(self) -> None:
        """Call `terminate`, of a mix that of each; raises as `init` does, after the last."""
        failure: MurmurError | None = None
        for role in self.roles:
            if role.callbacks.terminate is not None:
                try:
                    await self._span("terminate", role.callbacks.terminate, (role.state,), role)
                except MurmurError as error:
                    failure = failure or error
        if failure is not None:
            raise failure

    async def changed(self, name: str, old: object, new: object) -> Exception | None:
        """Call `changed` for one setting; return what it raised."""
        failure: Exception | None = None
        for role, own in self._owners(name):
            if role.callbacks.changed is None:
                continue
            try:
                await self._within(role.callbacks.changed, (own, old, new), role)
            except Exception as error:  # noqa: BLE001 - goes to whoever changed the setting
                failure = failure or error
        return failure

    def _owners(self, name: str) -> list[tuple[Role, str]]:
        """Return whose setting it is, and what it is called there."""
        if self._mix is None:
            return [(role, name) for role in self.roles]
        own = self._mix.own_names(name)
        return [(role, each) for role, each in zip(self.roles, own, strict=True) if each]

    def cast(self, user: User) -> None:
        """Give a user the scenario that it follows."""
        place = self._mix.deal(self._run.seed, user.id) if self._mix is not None else 0
        user.place, user.scenario = place, self.roles[place].name

    def user_body(self) -> Callable[[User], Awaitable[object]]:
        """Return what one user does."""
        bodies = self._bodies
        return bodies[0] if len(bodies) == 1 else lambda user: bodies[user.place](user)

    async def _span(
        self, name: str, callback: Callback, arguments: tuple[object, ...], role: Role
    ) -> Any:  # noqa: ANN401 - whatever the callback returns
        run = self._run
        metadata: dict[str, object] = {"scenario": role.name}
        began = run.native.now()
        run.emitter.emit(f"amoc.scenario.{name}.start", {"count": 1}, metadata)
        try:
            value = await self._within(callback, arguments, role)
        except Exception as error:
            failure = self._failure(name, error, role)
            origin = error.original if isinstance(error, EscapedError) else error
            told: dict[str, object] = {
                **metadata,  # which belongs to an event that is out
                "kind": type(origin).__name__,
                "reason": text_of(origin),
                "traceback": trace_of(error),
            }
            self._end_span(f"amoc.scenario.{name}.exception", began, told)
            raise failure from error
        self._end_span(f"amoc.scenario.{name}.stop", began, metadata)
        return value

    def _end_span(self, event: str, began: float, metadata: dict[str, object]) -> None:
        self._run.emitter.emit(event, {"duration": self._run.native.now() - began}, metadata)

    def _failure(self, name: str, error: Exception, role: Role) -> MurmurError:
        run = self._run
        if isinstance(error, OverdueError):
            return WaitTimeoutError(
                f"{name} did not return on node {run.node}",
                run.spec.callback_timeout,
                f"{f'it was still at {role.line}; ' if role.line else ''}"
                "give it longer with Session(callback_timeout=...)",
            )
        origin = error.original if isinstance(error, EscapedError) else error
        conceal = run.secrets.conceal
        return CallbackError(name, run.node, conceal(error_text(origin)), conceal(trace_of(error)))

    async def _within(self, callback: Callback, arguments: tuple[object, ...], role: Role) -> Any:  # noqa: ANN401 - whatever the callback returns
        run = self._run
        bound = callback.bind(role.scenario)

        thread = 0

        def call_in_thread() -> Any:  # noqa: ANN401 - whatever the callback returns
            nonlocal thread
            thread = thread_here()
            return bound(*arguments)

        async def call() -> Any:  # noqa: ANN401 - whatever the callback returns
            try:
                if callback.is_async:
                    result = await bound(*arguments)
                    refuse_coroutine(result, callback.name)
                    return result
                return await run.threads.run(call_in_thread)
            except run.native.cancelled as error:  # it is overdue, or the run is given up
                role.line = line_of_thread(thread) if thread else line_within(error)
                raise

        return await call_within(run.spec.callback_timeout, run.native, call)
