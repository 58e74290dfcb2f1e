"""Settings of a session: rates with units, refusals that are heard, values as they are now."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from traitlets import Int

import murmur
from murmur.errors import InvalidArgumentError, UnknownSettingError
from murmur.telemetry import Event
from murmur.testing import rehearse


class Calls(murmur.Scenario):
    """Users stay until they are asked to leave."""

    size = Int(1, min=1, help="how large").tag(live=True)

    async def init(self) -> None:
        await murmur.throttle("calls", rate="10/s")

    async def start(self, user: murmur.User) -> None:
        await user.sleep(600)


@pytest.fixture(scope="module")
def session() -> Iterator[murmur.Session]:
    with murmur.Session() as session:
        yield session


def test_a_rate_may_have_a_unit_wherever_it_is_given(session, monkeypatch) -> None:
    monkeypatch.setenv("AMOC_USER_RATE", "5/s")
    with session.do(Calls) as run:
        assert run.settings["user_rate"] == 300
        assert session.throttles["calls"].statistics().rate == 600
    with session.do(Calls, user_rate="7200/h") as run:
        assert run.settings["user_rate"] == 120
        assert session.update(user_rate="10/s") == {"user_rate": (120.0, 600.0)}
        assert session.update(user_rate="600/min") == {}
        with pytest.raises(murmur.errors.InvalidSettingError, match="'day' is no unit of a rate"):
            session.update(user_rate="10/day")

        calls = session.throttles["calls"]
        calls.change_rate("300/min", interval=1)
        assert (calls.statistics().rate, calls.statistics().interval) == (5, 1)
        calls.change_rate("0.1/s")
        assert (calls.statistics().rate, calls.statistics().interval) == (0.1, 1)
        calls.ramp(from_rate="1/s", to_rate="120/min", interval=60, steps=1, step_interval=60)
        assert calls.statistics().rate == 60
        with pytest.raises(murmur.errors.InvalidArgumentError, match="write 10/s or 10/min"):
            calls.change_rate("10", cancel_ramp=True)


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("AMOC_SIZE", "big", "AMOC_SIZE='big' is not usable (expected an int)"),
        ("AMOC_SIEZ", "7", "No setting reads the variable AMOC_SIEZ; AMOC_SIZE is not set"),
        ("amoc_size", "7", "No setting reads the variable amoc_size; AMOC_SIZE is not set"),
        (
            "AMOC_DURATION",
            "60",
            "No setting reads the variable AMOC_DURATION; give duration= to do(), or --duration",
        ),
        ("AMOC_USERS", "9", "No setting reads the variable AMOC_USERS; give users= to do()"),
        ("AMOC_SEED", "9", "No setting reads the variable AMOC_SEED; give seed= to do()"),
    ],
)
def test_what_the_environment_asked_for_in_vain_is_a_remark_of_the_run(
    session, monkeypatch, tmp_path, variable, text, said
) -> None:
    monkeypatch.setenv(variable, text)
    with session.do(Calls, 1) as run:
        assert run.settings["size"] == 1
        assert said[3:] in str(session.status().problems)
    saved = murmur.load(run.results.save(tmp_path / "saved"))

    for results in (run.results, saved):
        assert said in " ".join(results.verdict.reasons)
        assert results.verdict.state == run.results.verdict.state


@pytest.mark.parametrize(
    ("variable", "meant"),
    [("AMOC_SIZE", "AMOC_CALLS__SIZE"), ("AMOC_ORDERS__HURRY", "AMOC_HURRY")],
)
def test_in_a_mix_names_with_and_without_their_scenario_are_told_apart(
    session, monkeypatch, variable, meant
) -> None:
    class Orders(Calls):
        """Users order."""

        size = Int(2, min=2, help="how large, of its own")
        hurry = Int(1, min=1, help="how much")

    monkeypatch.setenv(variable, "7")
    with session.do(murmur.mix({Calls: 1, Orders: 1}), 2) as run:
        pass

    said = f"No setting reads the variable {variable}; {meant} is not set"
    assert said in " ".join(run.results.verdict.reasons)


@pytest.mark.parametrize(
    ("variable", "settings"),
    [
        ("AMOC_SIEZ", {"size": 7}),  # which was given otherwise
        ("AMOC_COLOUR", {}),  # of another scenario
        ("AMOC_GRAPHITE_HOST", {}),  # of an exporter
        ("SIEZ", {}),
    ],
)
def test_variables_of_others_are_nobodys_business(session, monkeypatch, variable, settings) -> None:
    monkeypatch.setenv(variable, "7")
    with session.do(Calls, 1, **settings) as run:
        pass

    assert variable not in " ".join(run.results.verdict.reasons)


def test_refused_values_are_heard(session) -> None:
    heard: list[Event] = []
    with murmur.on("amoc.config.verify", heard.append):
        with pytest.raises(murmur.errors.InvalidSettingError):
            session.do(Calls, size=0, user_rate=-1)
        with session.do(Calls) as run, pytest.raises(murmur.errors.InvalidSettingError):
            session.update(size=-5)
    told = [(event.metadata["setting"], event.metadata["value"]) for event in heard]
    assert sorted(told) == [("size", -5), ("size", 0), ("user_rate", -1)]
    assert all("at least" in str(event.metadata["reason"]) for event in heard)
    assert "amoc.config.verify" in set(run.results.events["name"])


def test_settings_show_arrivals_that_the_throttle_changed(session) -> None:
    with session.do(Calls) as run:
        session.throttles["user_rate"].change_rate(5, interval=1)
        assert run.settings["user_rate"] == 300
        assert run.settings_at_start["user_rate"] == 1200
    assert run.settings["user_rate"] == 300


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda s: s.do(Calls, durration=3), "unknown setting 'durration'; did you mean 'dur"),
        (lambda s: s.do(Calls, run_for=3), "; do() takes users, seed, duration, end_when_idle"),
        (lambda s: s.find_capacity(Calls, check="p99 < 1s", hight=3), "did you mean 'high'?"),
        (lambda s: s.find_capacity(Calls, check="p99 < 1s", duration=3), "() takes check, by"),
        (lambda _: rehearse(Calls, durations=3), "did you mean 'duration'?"),
    ],
)
def test_a_mistyped_argument_is_named_and_no_setting(session, call, sentence) -> None:
    with pytest.raises(UnknownSettingError) as refused:
        call(session)

    assert sentence in str(refused.value)


@pytest.mark.parametrize("duration", ["10s", 0, -1, True])
def test_a_duration_that_is_none_is_answered_with_what_would_do(session, duration) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        session.do(Calls, 1, duration=duration)

    assert str(refused.value) == (
        f"duration={duration!r}: give seconds above zero, such as 60, or leave it out"
    )
