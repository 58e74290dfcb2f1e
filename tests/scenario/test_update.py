"""Live settings change as a whole or not at all, and failures come back."""

from __future__ import annotations

import math
from typing import ClassVar

import pytest
from traitlets import All, Float, Int, List, TraitError, Unicode, observe, validate

from murmur.errors import (
    ConfigError,
    InvalidSettingError,
    ReadOnlySettingError,
    UnknownSettingError,
)
from murmur.scenario import Scenario, build, describe, plan_update, resolve


class Chat(Scenario):
    port = Int(8888, min=1, max=65535, help="port to connect to")
    pace = Float(1.0, min=0, help="seconds between messages").tag(live=True)
    size = Int(10, max=1000, help="characters in a message").tag(live=True)
    name = Unicode("room", help="where to meet").tag(live=True)

    async def start(self, user): ...

    calls: ClassVar[list[tuple[object, ...]]] = []  # an instance in a test has its own

    @validate("pace", "size", "name")
    def _checked(self, proposal):
        self.calls.append(("check", proposal.trait.name))
        return proposal.value

    @observe("pace", "size", "name")
    def _told(self, change):
        self.calls.append((change.name, change.old, change.new))


def running(cls: type[Scenario] = Chat, **given: object) -> Scenario:
    scenario = build(cls, resolve(cls, given, environment={}))
    scenario.calls = []
    return scenario


def problems(scenario: Scenario, **given: object) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        plan_update(scenario, given)
    return caught.value.problems


def test_cfg_7_an_update_changes_what_it_names_and_tells_old_and_new():
    """CFG-7; amoc's callback gets no old value (section 6.11)."""
    chat = running()
    update = plan_update(chat, {"pace": 2, "size": 20})

    assert update.changes == {"pace": (1.0, 2.0), "size": (10, 20)}
    assert (chat.pace, chat.size) == (1.0, 10)
    chat.calls.clear()
    assert update.commit() == []
    assert (chat.pace, chat.size, chat.name) == (2.0, 20, "room")
    assert chat.calls == [("pace", 1.0, 2.0), ("size", 10, 20)]


def test_cfg_7_each_check_runs_once():
    """CFG-7, CFG-8."""
    chat = running()

    plan_update(chat, {"pace": 2}).commit()

    assert chat.calls == [("check", "pace"), ("pace", 1.0, 2.0)]


def test_cfg_8_an_empty_update_does_nothing():
    """CFG-8."""
    chat = running()
    update = plan_update(chat, {})

    assert (update.changes, update.commit(), chat.calls) == ({}, [], [])


def test_cfg_9_equal_values_trigger_nothing():
    """CFG-9."""
    chat = running()
    update = plan_update(chat, {"pace": 1, "size": 10, "name": "hall"})
    update.commit()

    assert update.changes == {"name": ("room", "hall")}
    assert chat.calls == [("check", "name"), ("name", "room", "hall")]


def test_cfg_9_a_value_that_is_rewritten_to_the_present_one_triggers_nothing():
    """CFG-9; in amoc it always counts as changed (section 6.6)."""

    class Tidy(Chat):
        @validate("pace", "size", "name")
        def _checked(self, proposal):
            value = proposal.value
            return value.lower() if isinstance(value, str) else value

    assert plan_update(running(Tidy), {"name": "ROOM"}).changes == {}


def test_cfg_10_read_only_names_are_refused_even_if_nothing_would_change():
    """CFG-10."""
    chat = running()
    with pytest.raises(ReadOnlySettingError) as caught:
        plan_update(chat, {"port": 8888, "grace": 1.0, "pace": 2.0})

    assert caught.value.names == ("port", "grace")
    assert chat.pace == 1.0
    assert ("pace", 1.0, 2.0) not in chat.calls


def test_cfg_11_one_bad_value_refuses_the_whole_update():
    """CFG-11."""
    chat = running()

    assert problems(chat, pace=2.0, size=5000) == (
        "setting 'size' does not accept 5000: expected an int of at most 1000",
    )
    assert (chat.pace, chat.size) == (1.0, 10)
    assert [call for call in chat.calls if call[0] != "check"] == []


def test_cfg_12_problems_of_all_kinds_are_reported_at_once():
    """CFG-12; amoc reports one kind."""
    chat = running()
    with pytest.raises(UnknownSettingError) as caught:
        plan_update(chat, {"paec": 1, "port": 1, "pace": -1, "size": "x"})

    assert isinstance(caught.value, ReadOnlySettingError)
    assert isinstance(caught.value, InvalidSettingError)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "unknown setting 'paec'; did you mean 'pace'?",
        "setting 'port' is read-only while the scenario runs (live settings",
        "setting 'pace' does not accept -1",
        "setting 'size' does not accept 'x'",
    ]


def test_validators_see_the_new_values_and_the_attributes_of_the_scenario():
    class Range(Chat):
        low = Int(1, help="smallest").tag(live=True)
        high = Int(5, help="largest").tag(live=True)

        @validate("low")
        def _below(self, proposal):
            if proposal.value > self.high or proposal.value in self.forbidden:
                raise TraitError("does not fit")
            return proposal.value

        forbidden = ()

    scenario = running(Range)
    scenario.forbidden = [7]

    assert plan_update(scenario, {"low": 8, "high": 9}).changes["low"] == (1, 8)
    assert len(problems(scenario, low=8)) == 1
    assert len(problems(scenario, low=7, high=9)) == 1


def test_several_validators_may_fail_at_once():
    class Strict(Chat):
        @validate("pace", "size", "name")
        def _checked(self, proposal):
            raise TraitError(f"no {proposal.trait.name}")

    scenario = build(Chat, resolve(Chat, {}, environment={}))
    scenario.__class__ = Strict

    assert problems(scenario, pace=2.0, name="x") == (
        "setting 'pace' does not accept 2.0: no pace",
        "setting 'name' does not accept 'x': no name",
    )


def test_an_observer_that_fails_stops_no_other_and_undoes_nothing():
    """Section 6.11: an update that "succeeds" while its effect failed."""

    class Fragile(Chat):
        @observe("pace")
        def _a_first(self, change):
            raise RuntimeError("first")

        @observe(All)
        def _b_second(self, change):
            raise KeyboardInterrupt

    chat = running(Fragile)
    heard = []
    chat.observe(heard.append, "pace")
    failures = plan_update(chat, {"pace": 2.0, "size": 20}).commit()

    assert sorted((name, type(error).__name__) for name, error in failures) == [
        ("pace", "KeyboardInterrupt"),
        ("pace", "RuntimeError"),
        ("size", "KeyboardInterrupt"),
    ]
    assert (chat.pace, chat.size) == (2.0, 20)
    assert ("pace", 1.0, 2.0) in chat.calls
    assert [(change.old, change.new) for change in heard] == [(1.0, 2.0)]


def test_observers_see_all_new_values():
    seen = []

    class Looking(Chat):
        @observe("pace")
        def _look(self, change):
            seen.append((self.pace, self.size))

    plan_update(running(Looking), {"pace": 2.0, "size": 20}).commit()

    assert seen == [(2.0, 20)]


def test_an_observer_may_change_another_live_setting():
    class Coupled(Chat):
        @observe("pace")
        def _couple(self, change):
            self.size = 7

    chat = running(Coupled)
    plan_update(chat, {"pace": 2.0}).commit()

    assert chat.size == 7
    assert ("size", 10, 7) in chat.calls


def test_planning_leaves_no_trace_on_the_scenario():
    chat = running()
    before = dict(vars(chat), calls=None)

    plan_update(chat, {"pace": 5.0})

    assert dict(vars(chat), calls=None) == before
    assert chat.pace == 1.0


def test_values_that_cannot_be_compared_count_as_changed():
    class Incomparable:
        def __eq__(self, other):
            raise ValueError("ambiguous")

        __hash__ = None

    class Listed(Chat):
        things = List(help="things").tag(live=True)

    scenario = running(Listed, things=[Incomparable()])

    assert "things" in plan_update(scenario, {"things": [Incomparable()]}).changes


def test_a_secret_is_shown_in_no_update():
    class Secretive(Chat):
        token = Unicode("old-secret", help="password").tag(secret=True, live=True)

    update = plan_update(running(Secretive), {"token": "new-secret", "pace": 2.0})

    assert repr(update) == "Update(token: '***' -> '***', pace: 1.0 -> 2.0)"
    assert update.shown == {"token": ("***", "***"), "pace": (1.0, 2.0)}
    assert update.changes["token"] == ("old-secret", "new-secret")


def test_the_rate_of_arrival_is_live():
    chat = running()
    plan_update(chat, {"user_rate": math.inf}).commit()

    assert chat.user_rate == math.inf


@pytest.mark.parametrize(
    ("declared", "is_live"),
    [
        (Float(600, help="users per minute"), True),
        (Float(600, help="users per minute").tag(required=False), True),
        (Float(600, help="users per minute").tag(live=False), False),
        (Float(600, help="users per minute", read_only=True), False),
    ],
)
def test_the_rate_of_arrival_stays_live_where_it_is_declared_anew(declared, is_live):
    class Own(Scenario):
        user_rate = declared

        async def start(self, user): ...

    class Heir(Own):
        """A class that declares nothing."""

    assert describe(Heir)["user_rate"].live is is_live
    assert [setting.live for setting in describe(Own).settings if setting.name == "grace"] == [
        False
    ]
    if is_live:
        plan_update(running(Heir), {"user_rate": 60}).commit()
    else:
        with pytest.raises(ReadOnlySettingError):
            plan_update(running(Heir), {"user_rate": 60})
