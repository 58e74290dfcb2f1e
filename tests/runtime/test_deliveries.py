"""Messages that users stamp are measured where they arrive, by one clock for all nodes."""

from __future__ import annotations

import anyio
import pytest

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
