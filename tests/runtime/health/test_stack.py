from __future__ import annotations

import asyncio
import selectors
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from murmur.runtime.health._stack import Step, blame, culprit, stack_of


class SomeUser:
    id = 17


def wrapper(user: SomeUser, over: threading.Event) -> None:
    blocks(over)


def blocks(over: threading.Event) -> None:
    over.wait(30)


def seen_in_a_thread(target: Callable[..., None], *args: object) -> tuple[int, str]:
    """Return who is to blame for what a thread does until it is told that it is over."""
    over = threading.Event()
    thread = threading.Thread(target=target, args=(*args, over))
    thread.start()
    try:
        while not any(step.code is blocks.__code__ for step in stack_of(thread.ident)):
            time.sleep(0.001)
        return culprit(thread.ident, wrapper.__code__)
    finally:
        over.set()
        thread.join()


def step_of(frame: FrameType) -> Step:
    return Step(frame.f_code, frame.f_lineno)


def test_the_user_and_the_innermost_line_of_no_library_are_named() -> None:
    user_id, line = seen_in_a_thread(wrapper, SomeUser())

    assert user_id == 17
    assert line == f"{__file__}:{blocks.__code__.co_firstlineno + 1}"


def test_a_package_of_another_environment_is_a_library_too() -> None:
    frames: list[FrameType] = []
    place = "/elsewhere/site-packages/client.py"
    exec(compile("note(frame())", place, "exec"), {"note": frames.append, "frame": sys._getframe})

    [elsewhere] = map(step_of, frames)
    here = step_of(sys._getframe())

    assert elsewhere.code.co_filename == place
    assert blame([elsewhere, here], wrapper.__code__) == (-1, f"{__file__}:{here.line}")


def test_code_under_no_user_is_nobodys() -> None:
    assert seen_in_a_thread(blocks)[0] == 0


def test_a_loop_that_waits_is_held_by_nobody() -> None:
    looks: list[tuple[int, str]] = []

    def look(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename == selectors.__file__:
            looks.append(blame([step_of(frame)], wrapper.__code__))

    selector = selectors.DefaultSelector()
    sys.setprofile(look)
    try:
        selector.select(0)
    finally:
        sys.setprofile(None)
        selector.close()

    assert looks[0] == (-1, "")


def test_who_started_the_loop_is_not_to_blame_for_it() -> None:
    looks: list[tuple[int, str]] = []

    async def look() -> None:
        frame = sys._getframe().f_back  # the task's caller: asyncio's own
        assert frame is not None
        looks.append(blame([step_of(frame)], wrapper.__code__))

    asyncio.run(look())

    assert looks == [(-1, "")]


def test_the_stack_of_a_thread_is_whole_while_it_runs_on() -> None:
    running, over = threading.Event(), threading.Event()

    async def step() -> None:
        await asyncio.sleep(0)

    async def turn() -> None:
        running.set()
        while not over.is_set():
            await asyncio.gather(step(), step())

    def bottom() -> None:
        asyncio.run(turn())

    thread = threading.Thread(target=bottom)
    thread.start()
    assert running.wait(30)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns as often as they can
    try:
        stacks = [stack_of(thread.ident) for _ in range(500)]
    finally:
        sys.setswitchinterval(before)
        over.set()
        thread.join()

    names = [[step.code.co_name for step in stack] for stack in stacks]
    assert {tuple(name[-3:]) for name in names} == {("run", "_bootstrap_inner", "_bootstrap")}
    assert stack_of(thread.ident) == []
