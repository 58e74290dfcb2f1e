"""Things that never came to an end are told, and no check takes their absence for speed."""

from __future__ import annotations

import math
from contextlib import suppress

import anyio
import pytest
import traitlets

import murmur
from murmur.recording import RunRecord
from murmur.results import Results, compare
from murmur.telemetry import Chunk, Recorder
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


class Impatient(murmur.Scenario):
    """Users wait for what never comes, two seconds each time, and the run ends as one begins."""

    async def start(self, user: murmur.User) -> None:
        while True:
            with suppress(murmur.errors.WaitTimeoutError), user.timer("get"):
                await user.wait_for(anyio.sleep_forever(), timeout=2)


def test_what_was_cut_as_it_began_is_not_told_to_the_femtosecond():
    results = rehearse(Impatient, 3, duration=20, user_rate=math.inf)
    (reason,) = results.verdict.reasons
    assert reason.startswith(
        "3 'get' actions were cut short with their users, after less than 1 ms"
    )
    assert results.check("failed == 100%")


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


class Stops(murmur.Scenario):
    """Users act for ten seconds, then wait for what never comes, outside of any timer."""

    pause = traitlets.Float(0.1, help="seconds between actions")

    async def start(self, user: murmur.User) -> None:
        while user.now() < 10:
            with user.timer("act"):
                await user.sleep(0.1)
            await user.sleep(self.pause)
        await user.sleep(1e6)


def test_a_run_that_fell_silent_while_users_were_there_says_so(tmp_path):
    results = rehearse(Stops, 5, duration=60, user_rate=math.inf)

    text = "No action ended in the last 50 of 60 s, with up to 5 users running."
    assert results.verdict.reasons == (text,)
    assert results.verdict.is_valid  # nobody knows whether they had anything to do
    assert murmur.load(results.save(tmp_path / "run")).verdict.reasons == (text,)


def test_silence_that_is_no_longer_than_others_were_is_no_news():
    assert not rehearse(Stops, 5, duration=14, user_rate=math.inf).verdict.reasons
    assert not rehearse(Stops, 1, duration=25, user_rate=math.inf, pause=7.0).verdict.reasons


def test_a_node_that_fell_silent_while_others_went_on_is_named():
    record = RunRecord("r", 0.0, 0.0)
    for node, until in (("n1", 60), ("n2", 20)):
        recorder = Recorder(node=node, started_at=0.0, wall_started_at=0.0)
        for second in range(60):
            if second < until:
                recorder.action("act", 1, second, second, second + 0.1)
            recorder.population(second + 1.0, 0, 5, 0)
            recorder.health(second + 1.0, [0.001], 0.1, 1e8, saturated=False)
        record.add(recorder.seal())
    record.note_end(60.0, "duration")

    assert Results(record).verdict.reasons == (
        "Node n2: no action ended in the last 40 of 60 s, with up to 5 users running.",
    )


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


def test_what_a_node_that_died_counted_last_is_not_known():
    node = Recorder(node="n1", started_at=0.0, wall_started_at=0.0)
    node.count("deliveries.expected: dm", 9)
    node.count("deliveries.arrived: dm", 7)
    record = RunRecord("r1", started_at=0.0, wall_started_at=0.0)
    record.add(node.seal())
    record.lose("n1", 5.0)

    told = "7 of 9 deliveries of 'dm' arrived, as far as is known: what n1 counted last is lost."
    assert told in Results(record).verdict.reasons


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


class HangsAtFirst(murmur.Scenario):
    """Five of thirty users ask a question that is never answered; the others go on."""

    async def start(self, user: murmur.User) -> None:
        if user.id <= 5:
            with user.timer("ask"):
                await anyio.sleep_forever()
        while True:
            with user.timer("ask"):
                await user.sleep(0.8)


@pytest.fixture(scope="module")
def hung_in_part() -> Results:
    return rehearse(HangsAtFirst, 30, duration=30, user_rate=math.inf)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("p99(ask) < 1s in every 10s window", False),  # 5 of some 320
        ("p99(ask) < 1s in 50% of 1s windows", False),  # and 5 of 36
        ("p99(ask) > 5s in any 1s window", True),
        ("p99(ask) < 1s after 20s", False),
        ("p50(ask) < 1s in 90% of 1s windows", True),
        ("max(ask) < 1s in any 1s window", True),  # the first: nobody had waited for longer
    ],
)
def test_windows_count_what_was_under_way_in_them(hung_in_part, tmp_path, text, holds):
    (result,) = hung_in_part.check(text)
    assert result.holds is holds
    saved = murmur.load(hung_in_part.save(tmp_path / "run"))
    assert str(saved.check(text)[0]) == str(result)


def test_slow_actions_that_end_count_once():
    class Seldom(murmur.Scenario):
        """One in two hundred takes five seconds, to the end."""

        async def start(self, user: murmur.User) -> None:
            for turn in range(1000):
                with user.timer("ask"):
                    await user.sleep(5 if (turn + user.id * 2) % 200 == 0 else 0.1)

    results = rehearse(Seldom, 100, duration=40, user_rate=math.inf)

    assert results.check("p99(ask) < 1s", "p99(ask) < 1s after 10s before 40s")


class Waiting:
    """An action of a recorder that is under way."""

    is_void = False

    def __init__(self, name: str, at: float, *, is_part: bool = False) -> None:
        self.name, self.due_at, self.started_at = name, at, at
        self.is_part = is_part


def record_of(
    seconds: int, *, hung: int, name: str = "ask", node: str = "n1", is_part: bool = False
) -> RunRecord:
    """Return a run that is on, ten answers a second, with `hung` questions since 0.5 s."""
    clock = [0.0]
    recorder = Recorder(node=node, started_at=0.0, wall_started_at=0.0, now=lambda: clock[0])
    record = RunRecord("r", 0.0, 0.0)
    record.note_node(node, joined_at=0.0, running_at=0.0)
    record.set_present(node, range(1, 11), [0.0] * 10, [0.0] * 10)
    for _ in range(hung):
        recorder.open[Waiting(name, 0.5, is_part=is_part)] = 0.5
    for second in range(1, seconds + 1):
        clock[0] = float(second)
        for part in range(10):
            at = second - 0.95 + part / 10
            recorder.action("ask", 1, at - 0.05, at - 0.05, at)
        recorder.health(float(second), [0.001] * 20, 0.1, 1e8, False)
        record.add(recorder.seal())
    return record


def test_a_part_that_has_not_come_counts_while_the_run_is_on(tmp_path):
    on = Results(record_of(20, hung=5, name="ask.first_event", is_part=True))
    saved = murmur.load(on.save(tmp_path / "run"))

    for results in (on, saved):
        part, whole = results.check("p99(ask.first_event) < 1s", "p99 < 1s")
        assert not part.holds
        assert part.value == pytest.approx(19, abs=0.2)
        assert whole.holds  # a part is no action
    assert on.verdict.reasons == (
        "5 'ask.first_event' spans have not ended, after up to 19 s: they are in no percentile.",
    )


def test_what_is_under_way_counts_while_the_run_is_on():
    results = Results(record_of(20, hung=5))

    checks = results.check("p99(ask) < 1s", "p99(ask) > 1s", "p99(ask) < 1s in 50% of 1s windows")
    assert [each.holds for each in checks] == [False, True, False]
    assert checks[0].value == pytest.approx(19, abs=0.2)
    assert "under way" in checks[0].reason
    assert results.verdict.reasons == (
        "5 'ask' actions have not ended, after up to 19 s: they are in no percentile.",
    )


class Unanswered(murmur.Scenario):
    """Users ask every 0.5 s, each in 0.1 s; from the fourth answer on, two of ten get none."""

    stays = traitlets.Bool(False, help="whether a timer is about the whole life of a user")

    async def start(self, user):
        if self.stays:
            with user.timer("stay"):
                await self.ask(user)
        else:
            await self.ask(user)

    async def ask(self, user):
        for number in range(1000):
            with user.timer("ask"):
                await user.sleep(900 if number > 3 and user.id > 8 else 0.1)
            await user.sleep(0.4)
            if self.stays and user.id == 1 and number > 3:
                return


@pytest.mark.parametrize("stays", [False, True])
def test_what_hangs_at_the_end_counts_as_failed_where_that_decides(tmp_path, stays):
    results = rehearse(Unanswered, 10, duration=30, user_rate=math.inf, stays=stays)
    saved = murmur.load(results.save(tmp_path / "run"))

    for each in (results, saved):
        none, few, most, late = each.check(
            "failed(ask) == 0", "failed < 0.1%", "failed < 5%", "failed(ask) < 0.1% after 20s"
        )
        assert [check.holds for check in (none, few, most, late)] == [False, False, True, False]
        assert none.value == 2
        assert none.reason.endswith("actions, and 2 that never ended count as failed")
        # Who stays until the end has not failed: that timer ends with hardly any user.
        assert few.value == pytest.approx(2 / (each.actions.shape[0] + 2))


class Halted(murmur.Scenario):
    """Half of the users poll; the others order by a throttle that stops in the middle."""

    way = traitlets.Unicode("pause", help="how the throttle stops")

    async def init(self):
        if self.way == "keep":
            self.pace = await murmur.throttle("pace", limit=2)
        else:
            self.pace = await murmur.throttle("pace", rate=20, interval=1)

    async def start(self, user):
        while user.id > 5:
            with user.timer("poll"):
                await user.sleep(0.2)
        while True:
            if self.way == "keep":
                async with self.pace:
                    with user.timer("order"):
                        await user.sleep(0.1 if user.now() < 10 else 1000)
                continue
            await self.pace.wait()
            with user.timer("order"):
                await user.sleep(0.1)
            if user.id == 1 and user.now() > 10:
                await self.halt()

    async def halt(self):
        if self.way == "pause":
            await self.pace.pause()
        elif self.way == "zero":
            await self.pace.change_rate(0)
        elif self.way == "slow":
            await self.pace.change_rate(0.01)


@pytest.mark.parametrize(
    ("way", "told"),
    [
        (
            "pause",
            "throttle 'pace' granted nothing in the last 49 of 60 s, and users waited: it was p",
        ),
        (
            "zero",
            "throttle 'pace' granted nothing in the last 49 of 60 s, and users waited: it was p",
        ),
        (
            "slow",
            "throttle 'pace' granted nothing in the last 49 of 60 s, and users waited: it was p",
        ),
        (
            "keep",
            "limit 'pace' granted nothing in the last 49 of 60 s, and users waited: its permits",
        ),
        ("", ""),
    ],
)
def test_a_throttle_that_stopped_granting_is_told_although_other_things_went_on(way, told):
    results = rehearse(Halted, 10, duration=60, user_rate=math.inf, way=way)
    lines = [reason for reason in results.verdict.reasons if "granted" in reason]
    assert [told in line for line in lines] == [True] * bool(told)


class Outage(murmur.Scenario):
    """After a login, users order: six of a hundred have an answer, or what they do lasts."""

    kind = traitlets.Unicode("outage", help="what goes on behind the long ones")

    async def start(self, user):
        with user.timer("login"):
            await user.sleep(0.1)
        if user.id <= 6 or self.kind != "session":
            with user.timer("order"):
                await user.sleep(0.2 if user.id <= 6 else 900)
            return
        with user.timer("order"):
            while True:
                with user.timer("look"):
                    await user.sleep(0.5)


def test_a_check_on_failures_cannot_tell_if_hardly_any_of_what_went_on_ended(tmp_path):
    """Ninety-four of a hundred orders are never answered, and none of them has failed."""
    results = rehearse(Outage, 100, duration=60, user_rate=math.inf)
    saved = murmur.load(results.save(tmp_path / "run"))

    texts = (
        "failed < 1%",
        "failed(order) == 0",
        "failed(order) < 1% after 20s",
        "failed < 1% in 90% of 10s windows",
        "failed < 50%",
        "failed(login) < 1%",
    )
    for each in (results, saved):
        judged = each.check(*texts)
        assert [check.holds for check in judged] == [False] * 4 + [True] * 2
        assert math.isnan(judged[0].value)
        assert judged[0].reason.startswith("cannot tell: 94 more ('order') never ended, after up")


def test_sessions_in_which_users_go_on_have_not_failed():
    results = rehearse(Outage, 100, duration=60, user_rate=math.inf, kind="session")
    for check in results.check("failed < 1%", "failed(order) == 0", "failed < 1% after 20s"):
        assert check.holds, check


def test_what_is_under_way_has_not_failed_while_the_run_is_on():
    on = Results(record_of(20, hung=5))
    (check,) = on.check("failed(ask) == 0")
    assert check.holds
    assert check.reason == "0 of 200 actions, 5 more never ended"


def test_an_action_of_which_none_ended_is_known():
    results = Results(record_of(20, hung=2, name="pay"))

    less, more, number = results.check("p99(pay) < 1s", "p50(pay) > 10s", "count(pay) == 0")
    assert not less.holds
    assert less.value == pytest.approx(19, abs=0.2)
    assert more.holds
    assert not number.holds  # of what never ended, nothing was counted


def test_what_a_lost_node_had_under_way_is_not_forgotten(tmp_path):
    record = record_of(10, hung=5)
    record.lose("n1", 15.0)
    results = Results(record)

    saved = murmur.load(results.save(tmp_path / "run"))
    for each in (results, saved):
        (check,) = each.check("p99(ask) < 1s", even_if_invalid=True)
        assert not check.holds
        assert check.value == pytest.approx(14, abs=0.2)
        assert any("have not ended, after up to 14 s" in text for text in each.verdict.reasons)


def test_no_window_holds_in_which_a_node_was_silent():
    """Another node went on; this one told last at 10 s and was lost at 15 s.

    The fifth second may have been on its way.
    """
    record = record_of(20, hung=0, node="n2")
    for chunk in chunks_of("n1", 10):
        record.add(chunk)
    record.note_node("n1", joined_at=0.0, running_at=0.0)
    record.lose("n1", 15.0)

    (check,) = Results(record).check("p99(ask) < 1s in every 1s window", even_if_invalid=True)
    assert not check.holds
    assert check.reason == "held in 16 of 20 windows, 4 of them without data"


def test_no_window_holds_of_a_node_that_never_told_anything():
    record = record_of(20, hung=0)
    record.note_node("n2", joined_at=0.0, running_at=4.0)

    checks = Results(record).check(
        "p99(ask) < 1s in every 1s window", "failed(ask) < 1% in every 1s window"
    )
    assert [each.holds for each in checks] == [False, False]
    assert "held in 6 of 20 windows" in checks[0].reason  # 4, and 2 that are on their way


def chunks_of(node: str, seconds: int) -> list[Chunk]:
    """Return what a node told of ten answers a second."""
    recorder = Recorder(node=node, started_at=0.0, wall_started_at=0.0, now=lambda: 0.0)
    found = []
    for second in range(1, seconds + 1):
        for part in range(10):
            at = second - 0.95 + part / 10
            recorder.action("ask", 1, at - 0.05, at - 0.05, at)
        recorder.health(float(second), [0.001] * 20, 0.1, 1e8, False)
        found.append(recorder.seal())
    return found


class AnswersOften(murmur.Scenario):
    """A server that holds some requests for ever, while the others are answered as ever."""

    hold = traitlets.Int(0, help="each n-th request is held; 0 for none")

    async def start(self, user: murmur.User) -> None:
        async with anyio.create_task_group() as requests:
            for number in range(1, 10_000):
                requests.start_soon(self.ask, user, self.hold and number % self.hold == 0)
                await user.sleep(0.1)

    async def ask(self, user: murmur.User, is_held: bool) -> None:
        with user.timer("ask"):
            await user.sleep(math.inf if is_held else 0.05)


@pytest.fixture(scope="module")
def often() -> Results:
    return rehearse(AnswersOften, 5, duration=60, user_rate=math.inf)


@pytest.fixture(scope="module")
def often_held() -> Results:
    return rehearse(AnswersOften, 5, duration=60, user_rate=math.inf, hold=12)


def test_a_comparison_does_not_pass_because_the_slowest_never_ended(often, often_held):
    # 1 of 12 is held, 8 %: the 95th percentile is one of those, the median is not.
    frame = compare(often, often_held, rules=["p95(ask) > +20%"])
    rows = frame.set_index("statistic")

    assert frame.attrs["answer"] == "fail"
    assert rows.loc["response_p95", "b"] > 5
    assert rows.loc["response_p95", "ratio_high"] == math.inf
    assert rows.loc["response_p95", "outcome"] == "higher"
    value = rows.loc["response_p95", "b"]
    (note,) = (each for each in frame.attrs["notes"] if "its response_p95" in each)
    assert note.endswith(
        f"'ask' actions that never ended, its response_p95 is at least {value:.3g} s"
    )
    assert rows.loc["response_p50", "b"] == pytest.approx(0.05, rel=0.01)
    assert math.isfinite(rows.loc["response_p50", "ratio_high"])
    assert compare(often, often_held, rules=["p50(ask) > +20%"]).attrs["answer"] == "pass"
    assert compare(often, often_held, rules=["mean(ask) > +20%"]).attrs["answer"] == "cannot tell"


def test_nothing_is_better_than_a_run_whose_slowest_never_ended(often, often_held):
    frame = compare(often_held, often, rules=["p95(ask) > +20%"])

    assert frame.attrs["answer"] == "cannot tell"
    assert frame.set_index("statistic").loc["response_p95", "outcome"] == "too little"


def test_a_comparison_of_runs_that_were_answered_is_as_it_was(often):
    again = rehearse(AnswersOften, 5, duration=60, user_rate=math.inf)
    frame = compare(often, again, rules=["p95(ask) > +20%"])

    assert frame.attrs["answer"] == "pass"
    assert not [note for note in frame.attrs["notes"] if "never ended" in note]


def test_an_action_that_never_ends_on_one_side_is_at_least_so_long():
    # All that `ask` is on the second side was held: it ended on the first side alone.
    answered = rehearse(AnswersOften, 5, duration=20, user_rate=math.inf)
    held = rehearse(AnswersOften, 5, duration=20, user_rate=math.inf, hold=1)
    frame = compare(answered, held, rules=["p50(ask) > +20%"])
    row = frame.set_index("statistic").loc["response_p50"]

    assert frame.attrs["answer"] == "cannot tell"
    assert row["outcome"] == "too little"
    assert row["b"] > 5
    assert not [note for note in frame.attrs["notes"] if "nan" in note]


class Paused(murmur.Scenario):
    """Users wait for a throttle that somebody paused, and for one that is fast enough."""

    async def init(self) -> None:
        self.held = await murmur.throttle("held", rate=100, interval=1)
        await self.held.pause()
        self.turns = await murmur.throttle("turns", rate=10, interval=1)

    async def start(self, user: murmur.User) -> None:
        await self.turns.wait()
        await self.held.wait()


class Lonely(murmur.Scenario):
    """Users of whom as many never come as a coordinator waits for; pairs meet."""

    async def init(self) -> None:
        self.crowd = await murmur.coordinator("crowd", (100, lambda event: None), timeout=1e6)
        self.pairs = await murmur.coordinator("pairs", (2, lambda event: None), timeout=1e6)

    async def start(self, user: murmur.User) -> None:
        await self.pairs.add(user)
        await self.crowd.add(user)


def test_a_throttle_that_granted_nothing_is_told():
    summary = rehearse(Paused, 5, duration=10, user_rate=math.inf).summary()

    assert "The throttle 'held' granted nothing: users waited for it in " in repr(summary)
    assert "pace of 'held': none of the 5 permits asked for fell due" in repr(summary)
    assert "'turns' granted nothing" not in repr(summary)


def test_a_coordinator_that_was_never_complete_is_told():
    summary = rehearse(Lonely, 5, duration=10, user_rate=math.inf).summary()

    assert (
        "The coordinator 'crowd' never had a complete batch of 100: 5 users were in one at the "
        "end, user 1 for 0 s."
    ) in repr(summary)
    assert "'pairs'" not in repr(summary)


class Waits(murmur.Scenario):
    """Users gather by `size`, or are in a batch; `timeout` may close that."""

    size = traitlets.Int(7, help="users of a group")
    timeout = traitlets.Float(math.inf, help="seconds")
    is_counted = traitlets.Bool(False, help="whether they are in a batch")

    async def init(self) -> None:
        plan = [(self.size, lambda event: None), ("all", lambda event: None)]
        self.meeting = await murmur.coordinator("meeting", plan, timeout=self.timeout)

    async def start(self, user: murmur.User) -> None:
        if self.is_counted:
            await self.meeting.add(user)
            await user.sleep(1e6)
        else:
            await self.meeting.gather(user, self.size)


def reasons_of(scenario: type[murmur.Scenario], users: int, **settings: object) -> list[str]:
    """Return what is told besides that no action ended."""
    results = rehearse(scenario, users, user_rate=60, duration=30, **settings)  # one a second
    assert results.verdict.state == "valid"
    return [each for each in results.verdict.reasons if not each.startswith("No action")]


def test_users_that_gather_and_go_on_are_no_news():
    assert reasons_of(Waits, 6, size=3) == []


@pytest.mark.parametrize("users", [5, 8])
def test_users_that_gather_in_vain_are_told(users):
    """Of eight, seven went on within six seconds, and one waited for longer."""
    number, first = (users, 1) if users < 7 else (1, 8)
    (told,) = reasons_of(Waits, users)
    assert told == (
        f"{number} user{'s' * (number > 1)} waited in gather of the coordinator 'meeting' up to "
        f"the end, user {first} for {31 - first} s: {number} of 7 came."
    )


def test_users_in_a_batch_that_was_never_complete_are_told_also_if_they_were_asked_to_go():
    (told,) = reasons_of(Waits, 5, is_counted=True)
    assert told == (
        "The coordinator 'meeting' never had a complete batch of 7: 5 users were in one at the "
        "end, user 1 for 30 s."
    )


def test_what_is_left_over_of_complete_batches_is_no_news():
    assert reasons_of(Waits, 8, is_counted=True) == []


class Rooms(murmur.Scenario):
    """Users are in batches of five, and wait to be told of theirs."""

    timeout = traitlets.Float(math.inf, help="seconds")

    async def init(self) -> None:
        self.rooms = await murmur.coordinator("rooms", (5, self.open), timeout=self.timeout)

    def open(self, event: object, users: list[tuple[murmur.User, object]]) -> None:
        for user, _ in users:
            user.send("open")

    async def start(self, user: murmur.User) -> None:
        await self.rooms.add(user)
        await user.receive()


def test_users_that_wait_for_a_batch_after_complete_ones_are_told():
    """One comes a second, so 10 went on, the slowest five within 4 s."""
    assert reasons_of(Rooms, 14)[0] == (
        "4 users waited for a batch of the coordinator 'rooms' up to the end, user 11 for 20 s: "
        "4 of 5 came."
    )
    assert reasons_of(Rooms, 10) == []
    assert "rooms" not in repr(reasons_of(Rooms, 24))  # who came last did so 7 s before the end
    assert "rooms" not in repr(reasons_of(Rooms, 14, timeout=20.0))  # which is yet to come


def test_a_coordinator_whose_batches_only_timed_out_is_told():
    (told,) = reasons_of(Waits, 5, is_counted=True, timeout=0.5)
    assert told == (
        "The coordinator 'meeting' never had a complete batch of 7: its timeout closed 5, with 5 "
        "users in all."
    )


def test_a_coordinator_that_nobody_came_to_is_told():
    class Alone(Waits):
        async def start(self, user: murmur.User) -> None:
            await user.sleep(1e6)

    assert reasons_of(Alone, 5) == ["Nobody came to the coordinator 'meeting'."]


class Mailboxes(murmur.Scenario):
    """Users send `sent` messages to user `to` at their fifth second, and read if they `read`."""

    sent = traitlets.Int(1, help="messages of each user")
    to = traitlets.Int(1, help="who gets them")
    is_reading = traitlets.Bool(True, help="whether users look into their mailboxes")

    async def start(self, user: murmur.User) -> None:
        await user.sleep(5)
        for _ in range(self.sent):
            murmur.send(self.to, "hello")
        while self.is_reading:
            await user.receive()
        await user.sleep(1e6)


@pytest.mark.parametrize(
    ("users", "settings", "told"),
    [
        (1, {}, []),
        (1, {"to": 9}, ["1 message went to users that were not there.", "1 of 1"]),
        (5, {}, ["4 of 5 users waited in receive up to their end, and never had a message."]),
        (1, {"is_reading": False}, ["1 message lay in mailboxes that their users never looked"]),
        (
            1,
            {"is_reading": False, "sent": 1_200},
            ["200 messages went out of full mailboxes unread.", "1,000 messages lay in"],
        ),
    ],
)
def test_messages_that_nobody_reads_or_gets_are_told(users, settings, told):
    found = reasons_of(Mailboxes, users, **settings)
    assert len(found) == len(told)
    assert all(text.startswith(start) for text, start in zip(found, told, strict=True))


def test_a_few_users_that_wait_for_their_first_message_are_no_news():
    class Chain(murmur.Scenario):
        """Each user writes to the one before it; nobody writes to the last one."""

        async def start(self, user: murmur.User) -> None:
            murmur.send(user.id - 1 or 1, "hello")
            while True:
                await user.receive()

    results = rehearse(Chain, 200, user_rate=math.inf, duration=5)
    assert [each for each in results.verdict.reasons if "receive" in each] == []


@pytest.mark.filterwarnings("ignore:.*was never awaited:RuntimeWarning")
def test_sleeps_that_nobody_awaits_are_told():
    class Hasty(murmur.Scenario):
        """Every second user forgets the `await`."""

        async def start(self, user: murmur.User) -> None:
            for _ in range(3):
                sleep = user.sleep(1)
                if user.id % 2:
                    await sleep

    told = "2 users did not sleep: user.sleep() was called without `await`."
    assert reasons_of(Hasty, 4) == [told]
    assert reasons_of(Hasty, 1) == []


ROWS = [{"account": "ann"}, {"account": "bob"}]


class Feeds(murmur.Scenario):
    """Users log in with a row of their own, or forget to."""

    user_rate = traitlets.Float(math.inf, help="users per minute").tag(live=True)
    accounts = murmur.Feeder(ROWS, beyond="stop", help="who logs in")
    items = murmur.Feeder([{"item": 1}], beyond="cycle", help="what they look for")
    forgets = traitlets.Bool(False, help="whether users log in without a row")

    async def start(self, user: murmur.User) -> None:
        with user.timer("login"):
            await user.sleep(0.1)
        self.items.draw(user)
        if not self.forgets:
            self.accounts[user]


@pytest.mark.parametrize(
    ("users", "settings", "told"),
    [
        (2, {}, ()),
        (2, {"forgets": True}, ("Nobody had a row of the feeder 'accounts'.",)),
        (5, {}, ("3 users found no row left of the feeder 'accounts', and left.",)),
    ],
)
def test_rows_that_nobody_had_and_users_without_one_are_told(users, settings, told):
    assert rehearse(Feeds, users, **settings).verdict.reasons == told


class Numbered(murmur.Scenario):
    """Users take rows by number, and the last but one asks for one that is not there."""

    user_rate = traitlets.Float(math.inf, help="users per minute").tag(live=True)
    accounts = murmur.Feeder(ROWS, help="who logs in")

    async def start(self, user: murmur.User) -> None:
        with user.timer("login"):
            await user.sleep(0.1)
        return self.accounts.row(user.id - 2)["account"]


def test_rows_taken_by_number_are_rows_that_users_had_and_none_counts_from_the_end():
    results = rehearse(Numbered, 3)
    assert results.verdict.reasons == ()
    users = results.users.set_index("user_id")
    assert list(users["outcome"]) == ["failed", "finished", "finished"]
    assert "no row -1" in users["reason"][1]
    assert list(users["result"][[2, 3]]) == [row["account"] for row in ROWS[:2]]


class Plans(murmur.Scenario):
    """Users follow a timetable that the run may be too short for."""

    user_rate = traitlets.Float(math.inf, help="users per minute").tag(live=True)
    day = murmur.Timetable().at(1, "login").every(20, "look", offset=2).at(60, "logout")

    async def start(self, user: murmur.User) -> None:
        async for event in self.day.follow(user):
            with user.timer(event.name):
                await user.sleep(0.1)
            if event.name == "logout":
                return


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (70, ()),
        (30, ("The event 'logout' of a timetable came due for no user before its end.",)),
        (
            1.5,
            tuple(
                f"The event {name!r} of a timetable came due for no user before its end."
                for name in ("logout", "look")
            ),
        ),
    ],
)
def test_events_of_a_timetable_that_never_came_due_are_told(seconds, told):
    assert rehearse(Plans, 3, duration=seconds).verdict.reasons == told


class Ramps(murmur.Scenario):
    """Users act at a rate that rises for a minute; somebody may change it meanwhile."""

    user_rate = traitlets.Float(math.inf, help="users per minute").tag(live=True)
    changes = traitlets.Bool(False, help="whether the rate is set before the ramp is over")

    async def init(self) -> None:
        self.looks = await murmur.throttle("looks", rate=10, interval=1)
        await self.looks.ramp(from_rate=10, to_rate=100, interval=1, duration=60)

    async def start(self, user: murmur.User) -> None:
        while True:
            await self.looks.wait()
            with user.timer("look"):
                await user.sleep(0.001)
            if self.changes and user.now() > 10:
                await self.looks.change_rate(5, interval=1, cancel_ramp=True)


@pytest.mark.parametrize(
    ("seconds", "settings", "told"),
    [
        (
            20,
            {},
            (
                "The ramp from 10 to 100 per 1 s over 60 s of the throttle 'looks' was not over "
                "when the run ended.",
            ),
        ),
        (70, {}, ()),
        (20, {"changes": True}, ()),
    ],
)
def test_a_ramp_that_the_run_was_too_short_for_is_told(seconds, settings, told):
    assert rehearse(Ramps, 1, duration=seconds, **settings).verdict.reasons == told
