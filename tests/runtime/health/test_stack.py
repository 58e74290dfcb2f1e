from __future__ import annotations

import asyncio
import selectors
import sys
import threading
from types import FrameType

from murmur.runtime.health._stack import culprit, stack_of


class SomeUser:
    id = 17


def wrapper(user: SomeUser) -> tuple[int, str]:
    return blocks()


def blocks() -> tuple[int, str]:
    return culprit(stack_of(threading.get_ident())[1:], wrapper.__code__)


def test_the_user_and_the_innermost_line_of_no_library_are_named() -> None:
    user_id, line = wrapper(SomeUser())

    assert user_id == 17
    assert line == f"{__file__}:{blocks.__code__.co_firstlineno + 1}"


def test_a_package_of_another_environment_is_a_library_too() -> None:
    stack: list[FrameType] = []
    place = "/elsewhere/site-packages/client.py"
    exec(compile("note(frame())", place, "exec"), {"note": stack.append, "frame": sys._getframe})

    assert [frame.f_code.co_filename for frame in stack] == [place]
    here = f"{__file__}:{sys._getframe().f_lineno + 1}"
    assert culprit([*stack, sys._getframe()], wrapper.__code__) == (0, here)


def test_code_under_no_user_is_nobodys() -> None:
    assert blocks()[0] == 0


def test_a_loop_that_waits_is_held_by_nobody() -> None:
    looks: list[tuple[int, str]] = []

    def look(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename == selectors.__file__:
            looks.append(culprit([frame], wrapper.__code__))

    selector = selectors.DefaultSelector()
    sys.setprofile(look)
    try:
        selector.select(0)
    finally:
        sys.setprofile(None)
        selector.close()

    assert looks[0] == (0, "")


def test_who_started_the_loop_is_not_to_blame_for_it() -> None:
    looks: list[tuple[int, str]] = []

    async def look() -> None:
        frame = sys._getframe().f_back  # the task's caller: asyncio's own
        assert frame is not None
        looks.append(culprit([frame], wrapper.__code__))

    asyncio.run(look())

    assert looks == [(0, "")]


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
        stacks = [stack_of(thread.ident) for _ in range(2_000)]
    finally:
        sys.setswitchinterval(before)
        over.set()
        thread.join()

    names = [[frame.f_code.co_name for frame in stack] for stack in stacks]
    assert {tuple(name[-3:]) for name in names} == {("run", "_bootstrap_inner", "_bootstrap")}
    assert stack_of(thread.ident) == []
