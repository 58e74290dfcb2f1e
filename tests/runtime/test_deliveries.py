"""Messages that users stamp are measured where they arrive, by one clock for all nodes."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from traitlets import Int

import murmur
from murmur.errors import InvalidArgumentError
from murmur.testing import rehearse


class Room(murmur.Scenario):
    """User 1 says three things to three others; the last is lost on user 4."""

    async def start(self, user: murmur.User) -> None:
        if user.id > 1:
            for _ in range(3 if user.id < 4 else 2):
                stamp = await user.receive()
                await user.sleep(0.5 * user.id)
                assert isinstance(stamp, str)
                user.arrived(stamp)
                user.arrived(stamp.encode())  # the broker sends it again
            return
        await user.sleep(1)
        for _ in range(3):
            stamp = user.stamp("line", expected=3)
            for other in (2, 3, 4):
                murmur.send(other, stamp)
            await user.sleep(10)


def test_what_was_sent_and_what_arrived_is_told() -> None:
    (row,) = rehearse(Room, 4, user_rate=float("inf")).deliveries.to_dict("records")

    assert (row["name"], row["sent"], row["expected"], row["arrived"]) == ("line", 3, 9, 8)
    assert (row["reach"], row["lost"], row["duplicates"]) == (pytest.approx(8 / 9), 1, 8)
    # 1.0 s three times, 1.5 s three times, 2.0 s twice: the 4th and the 8th of 8
    assert (row["p50"], row["p99"]) == (pytest.approx(1.5, abs=1e-6), pytest.approx(2.0, abs=1e-6))
    assert (row["uncertain"], row["clock_error"]) == (0, 0.0)


def test_a_check_on_messages_says_how_many_never_arrived() -> None:
    (check,) = rehearse(Room, 4, user_rate=float("inf")).check("p50(line) < 2s")

    assert check.holds
    assert check.reason == "1 of 9 deliveries never arrived"


def test_a_message_that_never_arrived_counts_with_how_long_it_has_been_under_way(
    tmp_path: Path,
) -> None:
    results = rehearse(Room, 4, user_rate=float("inf"))
    # The one that was lost was sent at 21 s, or in the window before, and the run ends at 31 s.
    texts = "p99(line) < 5s", "p99(line) < 11s", "p50(line) < 3s", "max(line) < 5s after 10s"
    of_run = results.check(*texts)
    of_archive = murmur.load(results.save(tmp_path / "run")).check(*texts)

    for checks in (of_run, of_archive):
        assert [check.holds for check in checks] == [False, True, True, False]
        assert 9.0 <= checks[0].value <= 10.1
        assert checks[0].reason.endswith("; 1 of 9 deliveries never arrived")


class Lossy(murmur.Scenario):
    """User 1 writes to user 2 every 0.5 s for a minute; a share is lost, others take 0.25 s."""

    every = Int(0, help="every which message is lost; none with 0")

    async def start(self, user: murmur.User) -> None:
        if user.id == 1:
            await user.sleep(0.5)
            for number in range(1, 121):
                stamp = user.stamp("word")
                if not self.every or number % self.every:
                    murmur.send(2, stamp)
                await user.sleep(0.5)
            return
        while True:
            stamp = await user.receive()
            await user.sleep(0.25)
            user.arrived(str(stamp))


def test_what_is_under_way_at_the_end_is_not_taken_for_lost() -> None:
    results = rehearse(Lossy, 2, duration=30.1, user_rate=float("inf"))

    (check,) = results.check("max(word) < 300ms")
    assert results.deliveries["lost"].tolist() == [1]
    assert check.holds, check.reason


@pytest.mark.parametrize(("every", "holds"), [(0, True), (200, True), (10, False), (1, False)])
def test_no_percentile_holds_that_lies_among_what_was_lost(every: int, holds: bool) -> None:
    results = rehearse(Lossy, 2, every=every, duration=100, user_rate=float("inf"))

    (check,) = results.check("p95(word) < 1s")

    assert check.holds is holds, check.reason
    assert check.value == pytest.approx(0.25, rel=0.01) if holds else check.value > 30


def test_a_run_without_stamps_has_no_deliveries() -> None:
    class Silent(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            user.count("nothing")

    assert rehearse(Silent, 1).deliveries.empty


def test_response_times_count_from_when_the_message_was_due() -> None:
    class Late(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            due_at = anyio.current_time()
            await user.sleep(2)
            stamp = user.stamp("late", due_at=due_at)
            await user.sleep(1)
            assert user.arrived(stamp) == pytest.approx(1.0)
            assert user.arrived(stamp) is None

    (action,) = rehearse(Late, 1).actions.to_dict("records")

    assert action["service_time"] == pytest.approx(1.0)
    assert action["response_time"] == pytest.approx(3.0)


def test_stamps_of_other_runs_are_counted_apart_and_other_texts_refused() -> None:
    class Odd(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            own = user.stamp("line")
            other = f"elsewhere {own.partition(' ')[2]}"
            assert user.arrived(other) is None
            for text in ("hello", "", "a 1 2 x y z name", b"\xff\xfe"):
                with pytest.raises(InvalidArgumentError):
                    user.arrived(text)

    results = rehearse(Odd, 1)

    assert results.users["outcome"].tolist() == ["finished"]
    assert results.counters.set_index("name")["value"]["deliveries.of_other_runs"] == 1
    assert results.actions.empty


def test_time_counts_from_the_start_of_the_run() -> None:
    seen = []

    class Clock(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            await user.sleep(5)
            seen.append((user.now(), user.clock_error))

    rehearse(Clock, 1, user_rate=float("inf"))

    assert seen == [(pytest.approx(5.0, abs=0.01), 0.0)]


@pytest.mark.parametrize("weights", [{}, {"a": -1}, {"a": 0}, {"a": float("nan")}, {"a": "b"}, 3])
def test_what_cannot_be_chosen_from_is_refused(weights: object) -> None:
    class Choosy(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            with pytest.raises(InvalidArgumentError):
                user.choose(weights)  # type: ignore[arg-type]
            assert user.choose({"never": 0, "always": 2.5}) == "always"

    assert rehearse(Choosy, 1).users["outcome"].tolist() == ["finished"]
