"""Options and file become a plan, or one error with every problem."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from murmur._cli._plan import plan_of
from murmur.errors import ConfigError


def problems(options: dict[str, object]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        plan_of(options)
    return caught.value.problems


def test_options_are_read_by_their_kind(scenario):
    plan = plan_of(
        {
            "scenario": str(scenario),
            "users": 100,
            "ramp": "10s",
            "duration": "1m30s",
            "settings": ("port=9000", "pace=0.5", "mood=cross"),
            "check": ("p99(nap) < 200ms",),
            "abort_on": ("failed > 5% after 10s",),
            "seed": 7,
            "out": str(scenario.parent / "results"),
        }
    )

    assert plan.scenario.__name__ == "Nap"
    assert (plan.load.users, plan.load.rate, plan.load.duration) == (100, 10.0, 90.0)
    assert plan.settings == {"port": 9000, "pace": 0.5, "mood": "cross", "user_rate": 600.0}
    assert [str(check) for check in plan.checks] == ["p99(nap) < 200ms"]
    assert [str(check) for check in plan.abort_on] == ["failed > 5% after 10s"]
    assert plan.seed == 7
    assert plan.places.out == scenario.parent / "results"


def test_all_problems_are_told_at_once(scenario):
    found = problems(
        {
            "scenario": str(scenario),
            "rate": "10",
            "duration": "soon",
            "settings": ("prot=1", "port=0", "mood=sad", "pace=fast", "token", "token=x"),
            "check": ("p99(nap) = 1", "failed < 0.01"),
            "abort_on": ("rate > x",),
        }
    )

    text = "\n".join(found)
    for said in (
        "unknown setting 'prot'; did you mean 'port'?",
        "setting 'port' does not accept 0",
        "setting 'mood' does not accept 'sad'",
        "setting 'pace' does not accept 'fast'",
        "--set token: write name=value",
        "--rate: '10' does not say per what; write 10/s or 10/min",
        "--duration: 'soon' is no time",
        "--check: write == for 'equals'",
        "p99(nap) = 1\n             ^",
        "--check: failed is compared with a share",
        "--abort-on: a number is expected",
    ):
        assert said in text
    assert len(found) == 10


def test_a_required_setting_that_is_missing_is_one_of_them(scenario):
    source = scenario.read_text(encoding="utf-8")
    scenario.write_text(source.replace("secret=True", "required=True"), encoding="utf-8")

    found = problems({"scenario": str(scenario), "settings": ("port=0",)})

    assert any("'token'" in problem and "required" in problem for problem in found)
    assert any("'port'" in problem for problem in found)


def test_a_setting_that_cannot_be_read_is_told_once(scenario):
    found = problems({"scenario": str(scenario), "settings": ("pace=fast", "prot=1")})

    assert len(found) == 2


def test_a_secret_is_not_shown(scenario):
    source = scenario.read_text(encoding="utf-8")
    scenario.write_text(source.replace('Unicode("none"', "Int(0"), encoding="utf-8")

    found = problems({"scenario": str(scenario), "settings": ("token=hush",)})

    assert "hush" not in str(found)


@pytest.mark.parametrize(
    ("option", "value"), [("rate", "1/s"), ("ramp", "1s"), ("stage", ("1s:1",))]
)
def test_two_ways_to_say_how_fast_users_arrive_are_one_too_many(scenario, option, value):
    options = {"scenario": str(scenario), "settings": ("user_rate=60",), option: value}
    if option == "rate":
        options["users"] = 1

    assert f"user_rate and --{option} both say" in problems(options)[0]


def test_stages_let_users_in_at_once(scenario):
    plan = plan_of({"scenario": str(scenario), "stage": ("1s:5", "1s:0")})

    assert plan.settings["user_rate"] == math.inf
    assert plan.load.duration == 2.0


def test_a_scenario_has_to_be_given():
    assert "no scenario" in problems({})[0]


def test_a_scenario_whose_import_fails_says_so(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("import not_there_at_all", encoding="utf-8")

    assert "not_there_at_all" in problems({"scenario": str(path)})[0]


def test_the_command_line_comes_before_the_file(scenario):
    file = scenario.parent / "run.toml"
    file.write_text(
        """
        scenario = "nap.py"
        users = 10
        duration = 60
        check = ["failed < 1%"]
        out = "kept"
        [settings]
        port = 9000
        pace = "0.5"
        """,
        encoding="utf-8",
    )

    plan = plan_of(
        {
            "config": str(file),
            "users": 20,
            "settings": ("port=9001",),
            "check": ("count > 5",),
            "stage": (),
        }
    )

    assert (plan.load.users, plan.load.duration) == (20, 60.0)
    assert plan.settings == {"pace": 0.5, "port": 9001}
    assert [str(check) for check in plan.checks] == ["failed < 1%", "count > 5"]
    assert plan.places.out == Path(scenario.parent) / "kept"


def test_a_wrong_value_in_a_file_is_a_problem_like_others(scenario):
    file = scenario.parent / "run.toml"
    file.write_text('scenario = "nap.py"\n[settings]\nport = "low"\nmood = 3\n', encoding="utf-8")

    text = "\n".join(problems({"config": str(file)}))

    assert "'port' does not accept 'low'" in text
    assert "'mood' does not accept 3" in text
