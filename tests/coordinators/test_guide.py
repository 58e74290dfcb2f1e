"""The example of amoc's own guide, line by line, prints here what it prints there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import murmur
from murmur.testing import rehearse

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "amoc-guides.md"
printed: list[str] = []


class Example(murmur.Scenario):
    """Users interact with a coordinator."""

    async def init(self) -> None:
        plan = [
            (2, self.two),
            (2, self.two_in_a_list),
            (2, self.two_as_a_pair),
            (3, self.three),
            ("all", self.everybody),
        ]
        self.example = await murmur.coordinator("example", plan)

    def two(self, event: murmur.CoordinatorEvent) -> None:
        printed.append(f"Two: {event.kind} {event.count}")

    def two_in_a_list(self, event: murmur.CoordinatorEvent, users: list[Any]) -> None:
        printed.append(f"Two: {event.kind} {event.count}; {[data for _, data in users]}")
        for user, data in users:
            user.send(("hello", data))

    def two_as_a_pair(self, event: murmur.CoordinatorEvent, a: Any, b: Any) -> None:
        printed.append(f"Two: {event.kind} {event.count}; {a and a.data}; {b and b.data}")

    def three(self, event: murmur.CoordinatorEvent) -> None:
        printed.append("Three")

    def everybody(self, event: murmur.CoordinatorEvent) -> None:
        printed.append(f"All: {event.kind} {event.count}")

    async def start(self, user: murmur.User) -> None:
        printed.append(f"User = {user.id}")
        await self.example.add(user, user.id)
        message = await user.receive()
        printed.append(f"Msg = {message}, Id = {user.id}")


def test_the_guides_example_prints_what_the_guide_says() -> None:
    printed.clear()
    results = rehearse(Example, 5)

    first = printed.index("User = 3")
    second = printed.index("User = 5")
    assert printed[0] == "User = 1"
    assert sorted(printed[:first]) == sorted([
        "User = 1", "User = 2", "Two: coordinate 2; 2; 1", "Two: coordinate 2; [2, 1]",
        "Two: coordinate 2", "Msg = ('hello', 2), Id = 2", "Msg = ('hello', 1), Id = 1",
    ])  # fmt: skip
    assert sorted(printed[first:second]) == sorted([
        "User = 3", "Three", "User = 4", "Two: coordinate 2; 4; 3", "Two: coordinate 2; [4, 3]",
        "Two: coordinate 2", "Msg = ('hello', 4), Id = 4", "Msg = ('hello', 3), Id = 3",
    ])  # fmt: skip
    timeout = ["User = 5", "Three", "Two: timeout 1; 5; None", "Two: timeout 1; [5]",
               "Msg = ('hello', 5), Id = 5", "Two: timeout 1"]  # fmt: skip
    assert sorted(printed[second : second + 6]) == sorted(timeout)
    assert printed[second + 6] == "All: timeout 5"  # after all numbered items
    assert "\n".join(printed) in PAGE.read_text(encoding="utf-8")
    assert set(results.users["outcome"]) == {"finished"}


def test_users_that_return_at_once_keep_their_place() -> None:
    seen: list[tuple[str, int, list[bool]]] = []

    class Passing(murmur.Scenario):
        """Users come and go."""

        async def init(self) -> None:
            self.groups = await murmur.coordinator("groups", (10, self.act))

        def act(self, event: murmur.CoordinatorEvent, members: list[Any]) -> None:
            seen.append((event.kind, event.count, [member.is_here for member in members]))
            assert [member.id for member in members] == [m.user.id for m in members]

        async def start(self, user: murmur.User) -> None:
            await self.groups.add(user)

    rehearse(Passing, 100)

    full = [entry for entry in seen if entry[0] == "coordinate"]
    assert [count for _, count, _ in full] == [10] * 10
    assert not any(any(is_here[1:]) for _, _, is_here in full)  # all but the newest have gone
    assert seen[-1] == ("stop", 0, [])


def test_who_fails_is_killed_or_is_removed_leaves_the_batch() -> None:
    seen: list[tuple[str, int]] = []

    class Mixed(murmur.Scenario):
        """One user finishes, one fails, and the third is there when the batch is closed."""

        async def init(self) -> None:
            self.groups = await murmur.coordinator("groups", ("all", self.act), 30)

        def act(self, event: murmur.CoordinatorEvent, members: list[Any]) -> None:
            seen.append((event.kind, event.count))
            if event.kind == "timeout":
                assert [(m.id, m.is_here) for m in members] == [(3, True), (1, False)]

        async def start(self, user: murmur.User) -> None:
            await self.groups.add(user)
            if user.id == 2:
                raise ValueError
            if user.id == 3:
                await user.sleep(60)

    results = rehearse(Mixed, 3, user_rate=float("inf"))

    assert results.errors[["source", "name"]].to_numpy().tolist() == [["user", "Mixed"]]
    assert seen[0] == ("timeout", 2)
