"""The summary of the small run of conftest, in each of its forms."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import anyio
import pytest

import murmur
from murmur.recording import RunRecord
from murmur.results import Results, Verdict, compare, duration_text
from murmur.telemetry import Recorder
from murmur.testing import rehearse


def test_users_are_counted_by_outcome_in_a_fixed_order(results: Results) -> None:
    users = results.summary().users

    assert list(users.items()) == [
        ("finished", 1),
        ("failed", 1),
        ("left", 1),
        ("dropped", 2),
        ("here", 2),
    ]
    assert sum(users.values()) == len(results.users)


def test_actions_are_summed_up_over_nodes_and_windows(results: Results) -> None:
    echo, login = results.summary().actions

    assert (echo.name, echo.count, echo.failed) == ("echo", 3, 0)
    assert echo.rate == 1.5  # three in the two seconds until user 3 left
    assert echo.response_p50 == pytest.approx(0.5, rel=0.01)  # of 0.25, 0.5, 0.75
    assert echo.response_max == 0.75
    assert echo.service_p50 == pytest.approx(0.25, rel=0.01)  # of 0.25, 0.25, 0.5
    assert (login.count, login.failed) == (1, 1)
    assert math.isnan(login.response_p50)


def test_the_run_is_named(results: Results) -> None:
    summary = results.summary()

    assert (summary.run_id, summary.scenario, summary.seed) == ("r1", "Chat", 7)
    assert summary.elapsed == 2.0
    assert summary.verdict == Verdict("valid")


def test_the_text_is_a_table_with_one_line_for_each_action(results: Results) -> None:
    lines = repr(results.summary()).splitlines()

    assert lines[0] == "Chat r1, seed 7, 2.0 s, verdict: valid"
    assert lines[1] == "users: 1 finished, 1 failed, 1 left, 2 dropped, 2 still in the run"
    assert lines[2] == "  1 x login failed: ConnectionError: refused"
    assert lines[3].split("  ")[0] == "action"
    assert [line.split()[:4] for line in lines[4:]] == [
        ["echo", "3", "0", "1.5"],
        ["login", "1", "1", "0.5"],
    ]


def test_the_text_gives_the_reasons_of_the_verdict(record: RunRecord) -> None:
    recorder = Recorder(node="n1", started_at=0.0, wall_started_at=0.0)
    recorder.action("echo", 1, 0.0, 0.0, 0.5)
    recorder.health(1.0, [0.2], 1.0, 1e8, saturated=True)
    record.add(recorder.seal())

    assert repr(Results(record).summary()).splitlines()[:2] == [
        "run r1, seed 7, 1.0 s, verdict: invalid",
        "  The generator was saturated for 1 of 1 s: lag up to 200 ms.",
    ]


def test_nothing_that_a_scenario_chose_is_read_as_html(record: RunRecord) -> None:
    recorder = Recorder(node="n1", started_at=0.0, wall_started_at=0.0)
    recorder.action("<script>", 1, 0.0, 0.0, 0.5)
    record.add(recorder.seal())
    html = Results(record, scenario="<b>")._repr_html_()

    assert "<script>" not in html
    assert "<th scope='row'>&lt;script&gt;</th>" in html
    assert "<b>&lt;b&gt;</b>" in html


def test_plain_data_is_json_without_nan(results: Results) -> None:
    data = json.loads(json.dumps(results.summary().to_dict(), allow_nan=False))

    assert data["users"]["dropped"] == 2
    assert data["verdict"] == {"state": "valid", "reasons": []}
    assert data["actions"][0]["count"] == 3
    assert data["actions"][1]["response_p99"] is None


def test_the_frame_has_one_row_for_each_action(results: Results) -> None:
    frame = results.summary().to_frame()

    assert frame["name"].tolist() == ["echo", "login"]
    assert frame["count"].tolist() == [3, 1]
    assert str(frame.dtypes["response_p50"]) == "float64"


def test_a_run_in_which_nothing_happened_has_a_summary_too(empty: Results) -> None:
    summary = empty.summary()

    assert repr(summary).endswith("users: none\nactions: none")
    assert "<table>" not in summary._repr_html_()
    assert summary.to_frame().empty


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (0.0000005, "0.5 µs"),
        (0.000123, "123 µs"),
        (0.001, "1 ms"),
        (0.0567, "56.7 ms"),
        (1.0, "1 s"),
        (12.34, "12.3 s"),
        (4321.0, "4,321 s"),
        (math.nan, "-"),
        (0.9996, "1 s"),
        (0.0009996, "1 ms"),
    ],
)
def test_durations_are_written_as_people_do(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def paced(record: RunRecord, *rows: dict[str, object]) -> Results:
    """Return the results of a run with these windows of the throttle m."""
    recorder = Recorder(node="n1", started_at=0.0, wall_started_at=0.0)
    for number, row in enumerate(rows, start=1):
        counts = dict.fromkeys(("unasked", "withheld", "skipped"), 0)
        counts |= {"rate": 200.0, "interval": 1.0, "requested": 0, "waiting": 0, "lateness": []}
        recorder.throttle(float(number), "m", {**counts, **row})
    record.add(recorder.seal())
    return Results(record)


@pytest.mark.parametrize(("due", "granted"), [(200, 200), (200, 198), (20, 19)])
def test_a_pace_that_was_kept_takes_no_line(record: RunRecord, due: int, granted: int) -> None:
    results = paced(record, {"due": due, "granted": granted, "unasked": due - granted})

    assert results.summary().pace_lines == ()
    assert "pace" not in repr(results.summary())
    assert results.summary().paces[0].granted == granted


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (
            [{"due": 200, "granted": 156, "unasked": 44}] * 2,
            "pace of 'm': 78 % of 200/s; 22 % found no free user",
        ),
        (
            [{"due": 200, "granted": 100, "unasked": 58, "skipped": 40, "withheld": 2}],
            "pace of 'm': 50 % of 200/s; 29 % found no free user; "
            "the generator was late for 20 %; 1 % withheld, to keep every interval to its rate",
        ),
        (
            [{"due": 200, "granted": 0, "unasked": 200}],
            "pace of 'm': 0 % of 200/s; 100 % found no free user",
        ),
        (
            [{"due": 1, "granted": 0, "unasked": 1}],
            "pace of 'm': 0 % of 200/s; 100 % found no free user",
        ),
        (
            [{"due": 1000, "granted": 1, "unasked": 999}],
            "pace of 'm': less than 1 % of 200/s; 100 % found no free user",
        ),
        (
            [
                {"due": 200, "granted": 100, "unasked": 100},
                {"due": 0, "granted": 0, "rate": 0.0},  # paused
            ],
            "pace of 'm': 50 % of 200/s; 50 % found no free user",
        ),
        (
            [
                {"due": 200, "granted": 100, "unasked": 100},
                {"due": 1000, "granted": 1000, "rate": 1000.0},
            ],
            "pace of 'm': 92 % of the 1,200 permits due; 8 % found no free user",
        ),
        (
            [{"due": 4, "granted": 2, "unasked": 2, "rate": 120.0, "interval": 60.0}],
            "pace of 'm': 50 % of 120/min; 50 % found no free user",
        ),
        (
            [{"due": 4, "granted": 2, "unasked": 2, "rate": 10.0, "interval": 5.0}],
            "pace of 'm': 50 % of 10 per 5 s; 50 % found no free user",
        ),
        (
            [{"due": 0, "granted": 0, "requested": 40, "rate": 0.0}],
            "pace of 'm': none of the 40 permits asked for fell due",
        ),
    ],
)
def test_a_pace_that_was_not_kept_takes_one_line(
    record: RunRecord, rows: list[dict[str, object]], line: str
) -> None:
    results = paced(record, *rows)

    assert line in repr(results.summary()).splitlines()
    assert line.replace("'", "&#x27;") in results._repr_html_()


def test_what_has_no_plan_has_no_pace(results: Results) -> None:
    assert results.summary().paces == ()  # the throttle of conftest counted no permits due


class Busy(murmur.Scenario):
    """Users take 200 ms for each permit, so that ten of them use 50/s at most."""

    async def init(self) -> None:
        self.permits = await murmur.throttle("m", rate=200, interval=1)

    async def start(self, user: murmur.User) -> None:
        while True:
            await self.permits.wait()
            await user.sleep(0.2)


def test_users_that_were_too_few_are_told_in_the_summary() -> None:
    run = rehearse(Busy, 10, user_rate=math.inf, duration=10, grace=0)

    assert "pace of 'm': 25 % of 200/s; 75 % found no free user" in repr(run.summary())
    plain = json.loads(json.dumps(run.summary().to_dict(), allow_nan=False))["paces"]
    counts = next(pace for pace in plain if pace["name"] == "m")
    assert (counts["rate"], counts["interval"]) == (200.0, 1.0)
    assert counts["due"] == 2000 == counts["granted"] + counts["unasked"]
    assert counts["granted"] == pytest.approx(500, abs=10)


class Slow(murmur.Scenario):
    """One user calls ten times a second, after an `init` of twenty seconds and a half."""

    async def init(self) -> None:
        await anyio.sleep(20.5)

    async def start(self, user: murmur.User) -> None:
        while True:
            with user.timer("call"):
                await user.sleep(0.1)


def test_rates_count_from_when_init_is_done(tmp_path: Path) -> None:
    """300 calls in 30 s are ten a second, and not 300 / 50.5 s; kept or not."""
    run = rehearse(Slow, 1, user_rate=math.inf, duration=30)
    for results in (run, murmur.load(run.save(tmp_path / "kept"))):
        (call,) = results.summary().actions
        assert call.rate == pytest.approx(10, rel=0.01)
        checks = (
            "rate(call) > 9.8",
            "rate(call) > 9.8 after 5s",
            "rate(call) > 9.8 in every 5s window",
        )
        whole, later, windows = results.check(*checks)
        assert (whole.holds, later.holds) == (True, True)
        assert (windows.holds, windows.reason) == (True, "held in 5 of 5 windows")  # 21 to 46 s
        (early,) = results.check("rate(call) > 9.8 before 10s")
        assert (early.holds, early.reason) == (
            False,
            "users came from 20.5 s on, when init was done",
        )
    soon = rehearse(Slow, 1, user_rate=math.inf, duration=60)
    rates = compare(run, soon).query("statistic == 'rate'")
    assert rates["a"].item() == pytest.approx(10, rel=0.01)


def test_a_name_cannot_forge_a_line(record: RunRecord) -> None:
    node = Recorder(node="n", started_at=0.0, wall_started_at=0.0)
    node.action("login\nverdict: valid\x1b[2J", 1, 0.0, 0.0, 0.5)
    record.add(node.seal())

    lines = repr(Results(record).summary()).splitlines()

    assert not any(line.startswith("verdict: valid") for line in lines)
    assert r"login\nverdict: valid\x1b[2J" in "\n".join(lines)


def test_a_long_name_leaves_the_table_as_wide_as_a_terminal(record: RunRecord) -> None:
    name = f"GET /find?q={'x' * 500}&page=7"
    recorder = Recorder(node="n1", started_at=0.0, wall_started_at=0.0)
    recorder.action(name, 1, 0.0, 0.0, 0.1)
    record.add(recorder.seal())

    summary = Results(record).summary()

    row = repr(summary).splitlines()[-1]
    assert row.startswith("GET /find?q=xxx")
    assert "...xxx" in row
    assert "&page=7 " in row
    assert len(row) < 180
    assert summary.actions[0].name == name


def test_what_init_did_before_users_could_come_is_in_no_rate() -> None:
    class Prepares(murmur.Scenario):
        """Ten actions a second, in an `init` of ten seconds and then by one user."""

        async def init(self) -> None:
            await self.act(murmur.timer)

        async def start(self, user: murmur.User) -> None:
            await self.act(user.timer)

        async def act(self, timer: Callable[[str], AbstractContextManager[object]]) -> None:
            for _ in range(100):
                await anyio.sleep(0.1)
                with timer("act"):
                    pass

    results = rehearse(Prepares, 1, user_rate=math.inf)

    (act,) = results.summary().actions
    assert act.count == 200
    assert act.rate == pytest.approx(10, abs=0.2)
    rate, after, count = results.check("rate(act) < 11/s", "rate(act) < 11/s after 5s", "count > 0")
    assert (rate.value, after.value) == pytest.approx((10, 10), abs=0.2)
    assert count.value == 200
