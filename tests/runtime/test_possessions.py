"""What a user holds is closed when the user is gone, however it went."""

from __future__ import annotations

from typing import Any

import anyio
from traitlets import Float

import murmur


class Held:
    """Something to close."""

    def __init__(self, closed: list[str], name: str, *, is_broken: bool = False) -> None:
        self._closed = closed
        self._name = name
        self._is_broken = is_broken

    def close(self) -> None:
        self._closed.append(self._name)
        if self._is_broken:
            raise OSError("cannot be closed")


async def test_possessions_are_closed_whatever_becomes_of_the_user(stage: Any) -> None:
    closed: list[str] = []

    class Holding(murmur.Scenario):
        """User 1 returns, 2 fails, 3 is asked, 4 has to be killed."""

        grace = Float(1.0, min=0, help="seconds to leave")

        async def start(self, user: murmur.User) -> None:
            user.adopt(Held(closed, f"broken {user.id}", is_broken=True))
            user.adopt(Held(closed, f"whole {user.id}"))
            if user.id == 2:
                raise ValueError
            if user.id == 3:
                await user.sleep(100)
            if user.id == 4:
                await anyio.sleep(100)

    await stage.do(Holding, 4)
    await anyio.sleep(1)
    assert sorted(closed) == ["broken 1", "broken 2", "whole 1", "whole 2"]
    await stage.stop()

    assert sorted(closed)[4:] == ["whole 1", "whole 2", "whole 3", "whole 4"]
    assert stage.users() == {1: "finished", 2: "failed", 3: "left", 4: "killed"}


async def test_what_was_closed_before_is_not_closed_again(stage: Any) -> None:
    closed: list[str] = []

    class Tidy(murmur.Scenario):
        """Closes one of two by itself."""

        async def start(self, user: murmur.User) -> None:
            mine, left = Held(closed, "mine"), Held(closed, "left")
            user.adopt(mine)
            user.adopt(left)
            mine.close()
            user.disown(mine)
            user.disown(mine)

    await stage.do(Tidy, 1)
    await anyio.sleep(1)

    assert closed == ["mine", "left"]
