"""Threads that wait at a door go on a few at a time, so that who has the GIL keeps the cores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from murmur._backend import _threads as threads


class Lock:
    """What a thread would be blocked by; `acquire` is where it would have the GIL again."""

    def __init__(self) -> None:
        self.is_held = False
        self.interruption: BaseException | None = None
        self.patience = 0.0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if blocking and self.interruption is not None:
            raise self.interruption
        was_free, self.is_held, self.patience = not self.is_held, True, timeout
        return was_free

    def release(self) -> None:
        self.is_held = False


@pytest.fixture
def locks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Lock]]:
    made: list[Lock] = []

    def make() -> Lock:
        made.append(Lock())
        return made[-1]

    monkeypatch.setattr(threads, "thread_lock", make)
    yield made
    assert not threads._waiting
    assert not threads._line
    assert len(threads._places) == threads.ABREAST


def awake(locks: list[Lock]) -> int:
    return sum(not lock.is_held for lock in locks)


def test_one_is_woken_when_another_has_the_gil(locks: list[Lock]) -> None:
    doors = [threads.Door() for _ in range(threads.ABREAST + 3)]
    for door in doors:
        door.open()
    assert awake(locks) == threads.ABREAST

    for door, still in zip(
        doors, [*[threads.ABREAST] * 3, *range(threads.ABREAST - 1, -1, -1)], strict=True
    ):
        assert door.wait(10)
        assert awake(locks) == still


def test_who_goes_before_it_was_let_through_takes_no_place(locks: list[Lock]) -> None:
    door = threads.Door()
    locks[0].interruption = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        door.wait(10)

    door.open()

    assert len(threads._places) == threads.ABREAST


def test_who_goes_just_when_it_was_let_through_gives_its_place_back(locks: list[Lock]) -> None:
    doors = [threads.Door() for _ in range(threads.ABREAST + 1)]
    for door in doors:
        door.open()
    locks[0].interruption = KeyboardInterrupt()

    with pytest.raises(KeyboardInterrupt):
        doors[0].wait(10)

    assert not locks[-1].is_held
    assert all(door.wait(10) for door in doors[1:])


def test_who_was_not_let_through_looks_around_the_later_the_more_there_are(
    locks: list[Lock], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not threads.Door().wait(10)
    assert 7.5 <= locks[0].patience <= 12.5

    with monkeypatch.context() as patched:
        patched.setattr(threads, "_waiting", {threads.Door() for _ in range(threads.FEW * 50)})
        assert not threads.Door().wait(10)
    assert 375 <= locks[-1].patience <= 626
