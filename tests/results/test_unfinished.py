"""Things that never came to an end are told, and no check takes their absence for speed."""

from __future__ import annotations

import math

import anyio
import pytest

import murmur
from murmur.results import Results
from murmur.testing import rehearse


class Hangs(murmur.Scenario):
    """A server that answers five times, and holds the sixth request for ever."""

    async def start(self, user: murmur.User) -> None:
        for _ in range(5):
            with user.timer("ask"):
                await user.sleep(0.1)
        with user.timer("ask"):
            await anyio.sleep_forever()


class Answers(murmur.Scenario):
    """A server that answers all the time; one answer is on its way at the end."""

    async def start(self, user: murmur.User) -> None:
        while True:
            with user.timer("ask"):
                await user.sleep(0.3)


class Idles(murmur.Scenario):
    """Users that do nothing."""

    async def start(self, user: murmur.User) -> None:
        await user.sleep(1e6)


@pytest.fixture(scope="module")
def hung() -> Results:
    return rehearse(Hangs, 5, duration=30, user_rate=math.inf)


def test_actions_that_a_target_held_for_ever_are_told(hung):
    (reason,) = hung.verdict.reasons
    assert reason.startswith("5 'ask' actions were cut short with their users, after up to 31.5 s")
    assert reason in repr(hung.summary())
    spans = hung.spans
    assert list(spans["name"].unique()) == ["ask.cut_short"]
    assert spans["count"].sum() == 5


@pytest.mark.parametrize("text", ["p99(ask) < 1s", "max < 1s", "p90 <= 1s", "mean(ask) < 1s"])
def test_a_check_does_not_hold_because_the_slowest_never_ended(hung, text):
    (result,) = hung.check(text)
    assert not result.holds
    assert result.value > 1
    assert "cut short" in result.reason


def test_what_the_actions_that_ended_decide_is_judged_by_them(hung):
    # 5 of 30 are unknown: the median is that of the others whatever they would have taken.
    (result,) = hung.check("p50(ask) < 0.2")
    assert result.holds
    assert result.value == pytest.approx(0.1, rel=0.01)


def test_an_archive_answers_alike(hung, tmp_path):
    saved = murmur.load(hung.save(tmp_path / "run"))
    assert saved.verdict.reasons == hung.verdict.reasons
    assert [str(each) for each in saved.check("p99(ask) < 1s", "p50(ask) < 0.2")] == [
        str(each) for each in hung.check("p99(ask) < 1s", "p50(ask) < 0.2")
    ]


def test_answers_that_were_on_their_way_at_the_end_are_no_news():
    results = rehearse(Answers, 5, duration=30, user_rate=math.inf)

    assert results.spans["count"].sum() == 5
    assert results.verdict.reasons == ()
    assert results.check("max(ask) < 0.31")


def test_users_that_never_came_can_do_no_wrong_and_prove_nothing():
    results = rehearse(Idles, 5, duration=20, user_rate=0)

    assert results.verdict.reasons[0] == "No user was admitted, of 5."
    checks = results.check("users(failed) == 0", "users(lost) < 1%", "users(dropped) == 5")
    assert [each.holds for each in checks] == [False, False, True]
    assert checks[0].reason == "no user was admitted"


def test_users_that_never_came_dilute_no_share():
    class Fails(murmur.Scenario):
        """Fails after two seconds."""

        async def start(self, user: murmur.User) -> None:
            await user.sleep(2)
            raise OSError("no route")

    results = rehearse(Fails, 100, duration=10, user_rate=60)  # one a second

    (check,) = results.check("users(failed) < 50%")
    assert not check.holds
    assert check.reason == "8 of 10 users"


def test_a_run_in_which_nothing_ended_says_so():
    results = rehearse(Idles, 5, duration=10, user_rate=math.inf)
    assert any(reason.startswith("No action ended") for reason in results.verdict.reasons)


def test_messages_that_nobody_got_are_told():
    class Speaks(murmur.Scenario):
        """Sends to three who are not there."""

        async def start(self, user: murmur.User) -> None:
            user.stamp("dm", expected=3)

    reasons = rehearse(Speaks, 3, user_rate=math.inf).verdict.reasons
    assert "0 of 9 deliveries of 'dm' arrived." in reasons


def test_a_limit_whose_permits_never_come_back_is_told():
    class Holds(murmur.Scenario):
        """Takes the only permit and keeps it."""

        async def init(self) -> None:
            self.door = await murmur.throttle("door", limit=1)

        async def start(self, user: murmur.User) -> None:
            async with self.door:
                await user.sleep(1e6)

    reasons = rehearse(Holds, 10, duration=20, user_rate=math.inf).verdict.reasons
    assert "The limit 'door' granted 1 of 10 permits asked for." in reasons


@pytest.mark.parametrize(
    ("options", "who", "cause"),
    [({"duration": 5.0, "end_when_idle": False}, "plan", "duration"), ({}, "plan", "idle")],
)
def test_an_end_that_was_asked_for_is_a_change(options, who, cause):
    class Visits(murmur.Scenario):
        """Stays for a second."""

        async def start(self, user: murmur.User) -> None:
            await user.sleep(1)

    results = rehearse(Visits, 2, user_rate=math.inf, **options)
    (row,) = results.changes.to_dict("records")
    assert (row["node"], row["who"], row["what"]) == ("all", who, "the run")
    assert (row["old"], row["new"]) == ("running", cause)
    assert results.manifest["changes"] == []  # nothing to do again
