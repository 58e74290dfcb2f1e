"""Parts of the panel follow a session and steer it through traits, without a page."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import ipywidgets
import pytest
import traitlets
from traitlets import Float

import murmur
from murmur import charts
from murmur.errors import InvalidArgumentError, UnknownNameError, UnknownSettingError
from murmur.widgets import Arrivals, Chart, Controls, Figures, Log, Settings, ThrottleControl


class Echo(murmur.Scenario):
    """Users say something four times a second."""

    pace = Float(0.25, min=0.05, help="seconds between messages").tag(live=True)

    async def init(self) -> None:
        self.messages = await murmur.throttle("messages", rate=6000)

    async def start(self, user: murmur.User) -> None:
        while True:
            await self.messages.wait()
            with user.timer("echo"):
                await user.sleep(0.01)
            await user.sleep(self.pace)


def wait_until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until a trait has followed; the publisher looks twice a second."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "nothing followed"
        time.sleep(0.02)


@pytest.fixture
def session() -> Iterator[murmur.Session]:
    with murmur.Session() as made:
        yield made


def test_figures_hold_numbers_that_other_widgets_may_follow(session: murmur.Session) -> None:
    figures = Figures(session)
    assert (figures.failed, figures.p50) == (None, None)  # nothing ended: that is no success
    label = ipywidgets.IntText()
    traitlets.dlink((figures, "running"), (label, "value"))

    session.do(Echo, 7, user_rate=float("inf"))

    wait_until(lambda: label.value == 7 and figures.p50 is not None)
    assert figures.target == 7
    assert 0.005 < figures.p50 < 5
    assert figures.failed == 0.0
    wait_until(lambda: figures.state["verdict"])  # for the page
    session.stop()
    wait_until(lambda: figures.running == 0 and figures.gone == 7)


def test_a_slider_steers_arrivals_and_a_throttle(session: murmur.Session) -> None:
    session.do(Echo, 3, user_rate=float("inf"))
    arrivals, messages = Arrivals(session), ThrottleControl(session, "messages")
    slider = ipywidgets.FloatSlider(max=100_000)
    wait_until(lambda: messages.rate == 6000)
    traitlets.link((messages, "rate"), (slider, "value"))
    assert slider.value == 6000

    slider.value = 1200
    arrivals.rate = 300

    wait_until(lambda: session.throttles["messages"].statistics().rate == 1200)
    wait_until(lambda: session.throttles["user_rate"].statistics().rate == 300)
    wait_until(lambda: not messages.is_told and slider.value == 1200)


def test_what_others_change_comes_back(session: murmur.Session) -> None:
    session.do(Echo, 3, user_rate=float("inf"))
    messages = ThrottleControl(session, "messages")
    wait_until(lambda: messages.rate == 6000)

    session.throttles["messages"].change_rate(rate=60)
    session.throttles["messages"].pause()

    wait_until(lambda: messages.rate == 60 and messages.paused)


def test_a_refused_value_goes_back_and_says_why(session: murmur.Session) -> None:
    session.do(Echo, 1, user_rate=float("inf"))
    messages = ThrottleControl(session, "messages")
    wait_until(lambda: messages.rate == 6000)

    messages.rate = float("nan")

    wait_until(lambda: messages.refused)
    assert "nan" in messages.said
    wait_until(lambda: messages.rate == 6000)


def test_controls_start_add_remove_and_stop(session: murmur.Session) -> None:
    session.do(Echo, 0)  # so that the session knows the scenario
    session.stop()
    session.run.wait(timeout=60)  # type: ignore[union-attr]
    controls, figures = Controls(session, scenario="Echo", count=4), Figures(session)
    wait_until(lambda: controls.run_state == "finished")

    controls.start()
    wait_until(lambda: controls.run_state == "running" and figures.target == 4)
    controls.add()
    wait_until(lambda: figures.target == 8)
    controls.count = 2
    controls.remove(force=True)
    wait_until(lambda: figures.target == 6)
    controls.stop()
    wait_until(lambda: controls.run_state == "finished")


def test_a_form_shows_what_is_in_force_and_what_was_typed_goes_with_start(
    session: murmur.Session,
) -> None:
    session.do(Echo, 1, pace=0.5)
    form = Settings(session)
    wait_until(
        lambda: form.values == {"pace": "0.5", "grace": "2"} or form.values.get("pace") == "0.5"
    )
    session.update(pace=0.75)
    wait_until(lambda: form.values["pace"] == "0.75")
    session.stop()
    session.run.wait(timeout=60)  # type: ignore[union-attr]

    form._hear(form, {"event": "typed", "texts": {"pace": "0.125"}}, [])
    controls = Controls(session, scenario="Echo", count=1)
    wait_until(lambda: controls.run_state == "finished")
    controls.start()

    wait_until(lambda: controls.run_state == "running")
    assert session.run is not None
    assert session.run.settings["pace"] == 0.125
    assert "0.125" not in str({name: getattr(form, name) for name in form.keys if name != "state"})


def test_charts_are_live_by_name_and_drawn_by_any_function(session: murmur.Session) -> None:
    live = Chart(session, "latency")
    own = Chart(session, lambda it: charts.throughput(it.windows), title="Mine")
    named = Chart(session, "outcomes")
    assert list(live.specs) == ["latency"]

    session.do(Echo, 5, user_rate=float("inf"))

    wait_until(lambda: live.rows.get("span") and own.drawing["spec"] and named.drawing["spec"])
    assert set(live.rows) == {"span", "latency"}
    form = own.drawing["spec"]
    rows = own.drawing["datasets"]
    wait_until(lambda: own.drawing["datasets"] != rows)
    assert own.drawing["spec"].keys() == form.keys()


def test_a_chart_that_cannot_be_drawn_says_so(session: murmur.Session) -> None:
    with pytest.raises(UnknownNameError, match="lattency"):
        Chart(session, "lattency")

    broken = Chart(session, lambda it: it.nothing)
    session.do(Echo, 1)

    wait_until(lambda: broken.refused)
    assert "nothing" in broken.said


def test_a_log_tells_changes_newest_first(session: murmur.Session) -> None:
    log = Log(session)
    session.do(Echo, 1, user_rate=float("inf"))

    session.update(pace=0.5)
    session.add(2)

    wait_until(lambda: len(log.lines) >= 2)
    assert [line["kind"] for line in log.lines[:2]] == ["change", "change"]
    assert log.lines[0]["at"] >= log.lines[1]["at"]
    assert {line["text"].split(":")[0] for line in log.lines[:2]} == {"pace", "users"}


def test_a_closed_part_is_told_nothing_more(session: murmur.Session) -> None:
    figures = Figures(session)
    figures.close()
    session.do(Echo, 3, user_rate=float("inf"))
    other = Figures(session)

    wait_until(lambda: other.running == 3)
    assert figures.running == 0


def test_a_slow_function_holds_up_no_other_part_and_draws_only_news(
    session: murmur.Session,
) -> None:
    drawn: list[float] = []
    may_end = threading.Event()

    def slow(results: murmur.Results) -> object:
        drawn.append(time.monotonic())
        may_end.wait(60)
        return charts.outcomes(results.users)

    chart, figures = Chart(session, slow), Figures(session)
    session.do(Echo, 3, user_rate=float("inf"))
    wait_until(lambda: drawn)
    session.add(2)
    wait_until(lambda: figures.running == 5)
    assert not chart.drawing.get("spec")  # it still draws
    may_end.set()
    wait_until(lambda: chart.drawing["spec"])

    session.stop()
    wait_until(lambda: figures.gone == 5)
    # What is news is drawn two seconds after the last at the latest.
    wait_until(lambda: len(drawn) >= 2 and time.monotonic() - drawn[-1] > 3.0)
    after = len(drawn)
    time.sleep(2.5)
    assert len(drawn) == after


def test_what_cannot_be_shown_is_refused_in_a_sentence(session: murmur.Session) -> None:
    with pytest.raises(InvalidArgumentError, match=r"give a murmur\.Session"):
        Figures("x")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match=r"give a list of names, as \['latency'\]"):
        session.panel(charts="latency")
    with pytest.raises(InvalidArgumentError, match="give a whole number from 1"):
        session.panel(columns=0)


def test_a_start_of_what_is_no_scenario_says_so(session: murmur.Session) -> None:
    controls = Controls(session)
    controls.scenario = "Nope"

    controls.start()

    wait_until(lambda: controls.refused)
    assert "cannot find scenario 'Nope'" in controls.said


def test_a_misspelt_live_setting_is_refused(session: murmur.Session) -> None:
    session.do(Echo, 1)
    live = session.live
    wait_until(lambda: live.has_trait("pace"))

    with pytest.raises(UnknownSettingError, match="did you mean 'pace'"):
        live.pase = 0.5
    session.stop()


def test_what_a_person_sets_while_news_are_shown_steers(session: murmur.Session) -> None:
    session.do(Echo, 3, user_rate=float("inf"))
    messages = ThrottleControl(session, "messages")
    wait_until(lambda: messages.rate == 6000)
    is_told, is_set = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        is_told.set()
        is_set.wait(10)

    messages.observe(hold, "granted")
    assert is_told.wait(15)  # in the background, which shows what came
    try:
        messages.rate = 1200
    finally:
        is_set.set()

    wait_until(lambda: session.throttles["messages"].rate == 1200)
