"""Guard of a loop: what a scenario's own tasks raise ends none but them, and is told by name.

asyncio raises SystemExit and KeyboardInterrupt of a task out of the loop, and with it ends
everybody's tasks.  Here they end the task alone, as a `ScenarioError`.  trio has no such rule.

The tasks a piece of code starts, and those that these start, have its `Owner` in their
context, which keeps a `Brood` of them and can say which of them it left behind.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Generator, Iterator
from contextvars import ContextVar
from typing import Any, Protocol
from weakref import WeakSet

from murmur._guard import error_text
from murmur.errors import Leaving, ScenarioError

_logger = logging.getLogger(__name__)


class Brood:
    """The asyncio tasks that one owner's code started, while they live."""

    __slots__ = ("_tasks",)

    def __init__(self) -> None:
        self._tasks: WeakSet[asyncio.Task[Any]] | None = None

    def add(self, task: asyncio.Task[Any]) -> None:
        """Take note of a task."""
        if self._tasks is None:
            self._tasks = WeakSet()
        self._tasks.add(task)

    def __iter__(self) -> Iterator[asyncio.Task[Any]]:
        """Yield the tasks that are not done."""
        return (task for task in list(self._tasks or ()) if not task.done())


class Owner(Protocol):
    """Whoever has the tasks that its code starts: a user."""

    brood: Brood | None  # made with the first of them


owner_here: ContextVar[Owner | None] = ContextVar("murmur_user", default=None)
"""Who has the tasks that this code starts."""


def guard_loop() -> None:
    """Guard the running loop of asyncio."""
    loop = asyncio.get_running_loop()
    loop.set_task_factory(_make_task)
    loop.set_exception_handler(_Complaints())


def _make_task(
    loop: asyncio.AbstractEventLoop,
    body: Any,  # noqa: ANN401 - a coroutine, or what asyncio takes for one
    **options: Any,  # noqa: ANN401 - asyncio's
) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(_Guarded(body), loop=loop, **options)
    owner = owner_here.get()
    if owner is not None:
        if owner.brood is None:
            owner.brood = Brood()
        owner.brood.add(task)
    return task


def ended(error: BaseException) -> ScenarioError:
    """Return an error that stands for one that would end the loop."""
    return ScenarioError(f"a task ended with {error_text(error)}")


def is_cancelled_from_outside(error: BaseException) -> bool:
    """Return whether an error is the end of this task, as somebody asked for."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


class _Guarded(Coroutine[Any, Any, Any]):
    """A coroutine that cannot end its loop; in every other way the one that it stands for.

    No coroutine around it, because asyncio's own messages name the function and the line of what
    a task runs.
    """

    __slots__ = ("__weakref__", "body")

    def __init__(self, body: Any) -> None:  # noqa: ANN401 - a coroutine, or a generator that is one
        self.body = body

    def send(self, value: Any) -> Any:  # noqa: ANN401 - as the body
        try:
            return self.body.send(value)
        except (SystemExit, KeyboardInterrupt) as error:
            raise ended(error) from error

    def throw(self, *error: Any) -> Any:  # noqa: ANN401 - as the body
        try:
            return self.body.throw(*error)
        except (SystemExit, KeyboardInterrupt) as exit_:
            raise ended(exit_) from exit_
        finally:
            del error  # its traceback has this frame: a cycle, with all that the body held

    def close(self) -> None:
        self.body.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield from self.body.__await__())

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - name, code and frame of the body
        return getattr(self.body, name)


class _Complaints:
    """Hands on what asyncio has to complain of, and makes little of users that leave.

    A user's callback that a client runs in a task of its own raises `Leaving` where nobody
    waits for it.  That is as it should be, and is said once for each function.
    """

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), Leaving):
            loop.default_exception_handler(context)
            return
        task = context.get("task") or context.get("future")
        name = name_of_task(task) if isinstance(task, asyncio.Task) else "a callback"
        if name not in self._told:
            self._told.add(name)
            _logger.warning(
                "%s ended because its user was asked to leave; a client called it, and nobody "
                "waited for it (said once)",
                name,
            )


def name_of_task(task: asyncio.Task[Any]) -> str:
    """Return the name of the function that a task runs."""
    body: Any = task.get_coro()
    body = body.body if isinstance(body, _Guarded) else body
    return str(getattr(body, "__qualname__", type(body).__qualname__))


def cancel_task(task: asyncio.Task[Any]) -> None:
    """Cancel a task that nobody waits for."""
    task.cancel()


def transports_of(task: asyncio.Task[Any]) -> int:
    """Return how many open transports the functions hold that a task is in.

    Looked for where clients keep them: in local variables, in the attributes of these, and in
    streams.
    """
    found: set[int] = set()
    awaited: Any = task.get_coro()
    for _ in range(_DEPTH):
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "ag_frame", None)
        if frame is None:
            break
        for value in list(frame.f_locals.values()):
            found.update(_transports_in(value))
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "ag_await", None)
    return len(found)


_DEPTH = 20
"""How many functions that await each other are looked into."""


def _transports_in(value: object) -> Iterator[int]:
    held = getattr(value, "__dict__", None)
    parts = [value, *held.values()] if isinstance(held, dict) else [value]
    for part in parts:
        if isinstance(part, asyncio.StreamReader | asyncio.StreamWriter):
            part = getattr(part, "_transport", None)  # noqa: PLW2901 - the transport is what counts
        if isinstance(part, asyncio.BaseTransport) and not part.is_closing():
            yield id(part)
