"""Whatever a user's code raises, wherever it is called from: the session lives, and tells.

docs/explanation/reliability.md has the table of these places.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import inspect
import math
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from traitlets import Any as AnyTrait
from traitlets import Float, TraitType, default, observe, validate

import murmur
import murmur.exporters
import murmur.http
import murmur.testing
import murmur.widgets
from murmur.cluster import pack_code, unpack_code
from murmur.recording import Follower
from murmur.telemetry import Bus, Event

from ..syntax import tree_of

PAGE = Path(__file__).parents[2] / "docs/explanation/reliability.md"
SOURCE = Path(murmur.__file__).parent


class MuteError(Exception):
    """An error that cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


CLASSES: dict[str, Callable[[], BaseException]] = {
    "Exception": lambda: ValueError("the fault"),
    "SystemExit": lambda: SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt,
    "GeneratorExit": GeneratorExit,
    "CancelledError": asyncio.CancelledError,
    "pytest.fail": lambda: pytest.fail.Exception("the fault"),
    "mute": MuteError,
}


class Stays(murmur.Scenario):
    """Users stay until they are asked to leave."""

    user_rate = Float(math.inf, help="users per minute").tag(live=True)
    knob = Float(1.0, help="turns what is tried").tag(live=True)

    async def start(self, user: murmur.User) -> None:
        while not user.leaving.is_set():
            await user.sleep(0.01)


@pytest.fixture(scope="module")
def session() -> Iterator[murmur.Session]:
    with murmur.Session() as session:
        yield session


PLACES_OF_ALL = ("test_start", "test_a_validator_in_update", "test_changed", "test_a_handler")
"""A place of each way in which murmur calls code: these meet all classes, others the worst."""

WORST = ("SystemExit", "CancelledError", "mute")

PLACES_OF_ONE = (
    "test_an_observer_of_what_is_seen",
    "test_the_text_of_a_value",
    "test_what_hears_of_the_steps_of_a_search",
)
"""Places that take seconds to reach: these meet `SystemExit`."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "error" in metafunc.fixturenames:
        place = metafunc.function.__name__
        names = CLASSES if place in PLACES_OF_ALL else WORST[: 1 if place in PLACES_OF_ONE else 3]
        metafunc.parametrize("error", [CLASSES[name] for name in names], ids=list(names))


def finish(session: murmur.Session) -> murmur.results.Results:
    """End the run in order; the session is free for the next one, which the next test makes."""
    run = session.run
    assert run is not None
    if not run.is_over:
        session.status()
        session.stop()
        run.wait(60)
    assert run.is_over
    assert session.status().state in {"finished", "failed"}
    return run.results


@pytest.fixture(autouse=True)
def next_run(request: pytest.FixtureRequest) -> Iterator[None]:
    """See that the next run can be made after the last error of each place."""
    yield
    if "session" in request.fixturenames and f"[{WORST[-1]}" in request.node.name:
        session = request.getfixturevalue("session")
        again = session.do(Stays, 2)
        assert session.status().state == "running"
        again.stop()
        assert again.wait(60).state == "finished"


def sources(results: murmur.results.Results) -> set[str]:
    return set(results.errors["source"])


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_constructor(session, error) -> None:
    class Scenario(Stays):
        def __init__(self) -> None:
            super().__init__()
            raise error()

    with pytest.raises(murmur.errors.CallbackError, match="__init__"):
        session.do(Scenario, 1)
    assert sources(finish(session)) == {"scenario"}


def test_init(session, error) -> None:
    class Scenario(Stays):
        async def init(self) -> None:
            raise error()

    with pytest.raises(murmur.errors.CallbackError, match="init"):
        session.do(Scenario, 1)
    assert sources(finish(session)) == {"scenario"}


def test_terminate(session, error) -> None:
    class Scenario(Stays):
        async def terminate(self) -> None:
            raise error()

    session.do(Scenario, 1)
    assert sources(finish(session)) == {"scenario"}


@pytest.mark.parametrize("is_async", [True, False])
def test_start(session, error, is_async) -> None:
    class Scenario(Stays):
        async def start(self, user: murmur.User) -> None:
            raise error()

    class Threaded(Stays):
        def start(self, user: murmur.User) -> None:
            raise error()

    run = session.do(Scenario if is_async else Threaded, 3, end_when_idle=True)
    run.wait(60)
    assert set(finish(session).users["outcome"]) == {"failed"}
    assert sources(run.results) == {"user"}


def test_a_validator_at_the_start(session, error) -> None:
    class Scenario(Stays):
        @validate("knob")
        def _knob(self, proposal: Any) -> float:
            raise error()

    with pytest.raises(murmur.errors.InvalidSettingError, match="knob"):
        session.do(Scenario, 1)


def test_a_validator_in_update(session, error) -> None:
    class Scenario(Stays):
        @validate("knob")
        def _knob(self, proposal: Any) -> float:
            if proposal.value > 1:
                raise error()
            return float(proposal.value)

    session.do(Scenario, 1)
    with pytest.raises(murmur.errors.InvalidSettingError, match="knob"):
        session.update(knob=2.0)
    finish(session)


def test_a_trait(session, error) -> None:
    class Picky(TraitType):
        info_text = "what it likes"

        def validate(self, obj: object, value: object) -> object:
            if value:
                raise error()
            return value

    class Scenario(Stays):
        dish = Picky(0, help="what is served").tag(live=True)

    with pytest.raises(murmur.errors.InvalidSettingError, match="dish"):
        session.do(Scenario, 1, dish=1)
    session.do(Scenario, 1)
    with pytest.raises(murmur.errors.InvalidSettingError, match="dish"):
        session.update(dish=1)
    finish(session)


def test_the_comparison_of_values(session, error) -> None:
    class Value:
        def __eq__(self, other: object) -> bool:
            raise error()

        __hash__ = None

    class Scenario(Stays):
        thing = AnyTrait(None, allow_none=True, help="anything").tag(live=True)

    session.do(Scenario, 1)
    if isinstance(error(), Exception):  # as an array, which has no truth value
        assert list(session.update(thing=Value())) == ["thing"]
    else:
        with pytest.raises(murmur.errors.InvalidSettingError, match="thing"):
            session.update(thing=Value())
    finish(session)


def test_an_observer(session, error) -> None:
    class Scenario(Stays):
        @observe("knob")
        def _knob(self, change: Any) -> None:
            raise error()

    session.do(Scenario, 1)
    with pytest.raises(murmur.errors.CallbackError, match="knob"):
        session.update(knob=2.0)
    assert sources(finish(session)) == {"setting"}


def test_changed(session, error) -> None:
    class Scenario(Stays):
        async def changed(self, name: str, old: object, new: object) -> None:
            raise error()

    session.do(Scenario, 1)
    with pytest.raises(murmur.errors.CallbackError, match="knob"):
        session.update(knob=2.0)
    assert sources(finish(session)) == {"setting"}


def test_a_shape(session, error) -> None:
    class Scenario(Stays):
        async def init(self) -> None:
            self.paced = await murmur.throttle("paced", shape=self.shape, interval=1)

        def shape(self, seconds: float) -> float:
            if seconds > 0.05:
                raise error()
            return 10.0

        async def start(self, user: murmur.User) -> None:
            for _ in range(5):
                await self.paced.wait()

    run = session.do(Scenario, 1, end_when_idle=True)
    assert run.wait(60).state == "finished"
    assert sources(finish(session)) == {"throttle"}


def test_a_shape_that_fails_at_once(session, error) -> None:
    def shape(seconds: float) -> float:
        raise error()

    class Scenario(Stays):
        async def init(self) -> None:
            await murmur.throttle("paced", shape=shape, interval=1)

    with pytest.raises(murmur.errors.CallbackError, match="it must return permits"):
        session.do(Scenario, 1)
    with pytest.raises(murmur.errors.InvalidArgumentError, match="it must return permits"):
        murmur.preview(shape, until=1)
    assert sources(finish(session)) == {"scenario"}


def test_an_error_whose_code_cannot_be_had(session, error) -> None:
    class OddError(Exception):
        def code(self) -> object:
            raise error()

        details = sqlstate = response = property(code)

    class HasDetailsError(OddError):
        def code(self) -> object:
            return SimpleNamespace(name="UNAVAILABLE")

        def details(self) -> object:
            raise error()

    class Scenario(Stays):
        async def start(self, user: murmur.User) -> None:
            raise (OddError if user.id == 1 else HasDetailsError)("the fault")

    session.do(Scenario, 2, end_when_idle=True).wait(60)
    texts = set(finish(session).errors["error"])
    assert texts == {"OddError: the fault", "HasDetailsError: UNAVAILABLE: the fault"}


@pytest.mark.parametrize("is_async", [True, False])
def test_a_call_of_a_throttle(session, error, is_async) -> None:
    async def call() -> None:
        raise error()

    def plain() -> None:
        raise error()

    class Scenario(Stays):
        async def init(self) -> None:
            self.paced = await murmur.throttle("paced", rate=math.inf)

        async def start(self, user: murmur.User) -> None:
            self.paced.run(call if is_async else plain)
            await user.sleep(0.1)

    session.do(Scenario, 1, end_when_idle=True).wait(60)
    assert sources(finish(session)) == {"throttle"}


@pytest.mark.parametrize("is_async", [True, False])
def test_an_action_of_a_coordinator(session, error, is_async) -> None:
    async def act(event: object) -> None:
        raise error()

    def plain(event: object) -> None:
        raise error()

    class Scenario(Stays):
        async def init(self) -> None:
            self.pairs = await murmur.coordinator("pairs", (1, act if is_async else plain))

        async def start(self, user: murmur.User) -> None:
            await self.pairs.add(user)
            await user.sleep(0.1)

    session.do(Scenario, 1, end_when_idle=True).wait(60)
    assert sources(finish(session)) == {"coordinator"}


def test_a_handler(session, error) -> None:
    def handler(event: object) -> None:
        raise error()

    with murmur.on("amoc.user.up", handler) as subscription:
        session.do(Stays, 2)
        until(lambda: subscription.failure)
    assert sources(finish(session)) == {"handler"}


def test_a_follower(error) -> None:
    class Broken(Follower):
        def take(self, record: object, chunk: object) -> None:
            raise error()

    class BrokenAtTheEnd(Follower):
        def end(self, record: object) -> None:
            raise error()

    with murmur.Session() as session:
        session.relay.attach(Broken())
        session.relay.attach(BrokenAtTheEnd())
        run = session.do(Stays, 1, duration=0.1)
        assert run.wait(60).state == "finished"
        assert len(session.relay) == 0


def test_the_closing_of_what_a_user_has(session, error) -> None:
    class Possession:
        def close(self) -> None:
            raise error()

    class Scenario(Stays):
        async def start(self, user: murmur.User) -> None:
            user.adopt(Possession())

    session.do(Scenario, 3, end_when_idle=True).wait(60)
    assert set(finish(session).users["outcome"]) == {"finished"}


def test_the_parser_of_the_environment(error, monkeypatch) -> None:
    def parse(text: str) -> object:
        raise error()

    monkeypatch.setenv("AMOC_KNOB", "2")
    with murmur.Session(parse_environment=parse) as session:
        run = session.do(Stays, 1, duration=0.1)
        assert run.settings["knob"] == 1.0
        assert run.wait(60).state == "finished"


def test_the_default_of_a_setting(session, error) -> None:
    class Scenario(Stays):
        dish = Float(help="what is served")

        @default("dish")
        def _dish(self) -> float:
            raise error()

    with pytest.raises(murmur.errors.InvalidSettingError, match="dish"):
        session.do(Scenario, 1)


def test_the_text_of_a_value(session, error, tmp_path) -> None:
    class Value:
        def __repr__(self) -> str:
            raise error()

    class Scenario(Stays):
        thing = AnyTrait(None, allow_none=True, help="anything").tag(live=True)

        async def start(self, user: murmur.User) -> object:
            with user.timer(Value()):  # type: ignore[arg-type]
                await user.sleep(0.01)
            return Value()

    with murmur.Session(directory=tmp_path / "runs") as another:
        run = another.do(Scenario, 2, thing=Value(), end_when_idle=True)
        assert "thing" in repr(another.live)
        run.wait(60)
        results = finish(another)
    shown = "<Value, whose text raised"
    assert shown in run._repr_html_().replace("&lt;", "<")
    kept = murmur.load(results.save(tmp_path / "kept"))
    assert kept.manifest["settings"]["thing"].startswith(shown)
    assert set(kept.users["outcome"]) == {"finished"}
    results.report(tmp_path / "page.html")


FAULTY = "import builtins\nbuiltins.fault()\n"
"""A module that raises what a test wants."""


def raise_in_module(monkeypatch: pytest.MonkeyPatch, error: Callable[[], BaseException]) -> None:
    def fault() -> None:
        raise error()

    monkeypatch.setattr(builtins, "fault", fault, raising=False)


@pytest.mark.parametrize("form", ["file.py:Shop", "faulty_module:Shop"])
def test_the_module_of_a_scenario(session, error, form, tmp_path, monkeypatch) -> None:
    raise_in_module(monkeypatch, error)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "faulty_module", raising=False)
    for name in ("file.py", "faulty_module.py"):
        (tmp_path / name).write_text(FAULTY)
    where = str(tmp_path / form) if form.startswith("file") else form

    with pytest.raises(murmur.errors.UnknownScenarioError, match="failed with"):
        session.do(where, 1)
    with pytest.raises(murmur.errors.UnknownScenarioError, match="failed with"):
        session.find_capacity(where, check="p99(order) < 1s", hold=1, warm_up=0)


def test_the_text_of_a_run_that_is_done_again(session, error, monkeypatch) -> None:
    raise_in_module(monkeypatch, error)
    run = session.do(Stays, 1, duration=0.1)
    run.wait(60)
    told = {"name": "Shop", "source": FAULTY, "above": "", "missing": []}
    kept = SimpleNamespace(manifest={**run.results.manifest, "scenario": told}, elapsed=0.1)

    with pytest.raises(murmur.errors.UnknownScenarioError, match="failed with"):
        murmur.replay(kept, session=session)


def test_a_class_that_travels_to_a_node_or_a_guest(error) -> None:
    """`murmur.attach` and nodes load it alike."""

    class Cargo:
        def __getstate__(self) -> dict[str, object]:
            return {"fault": 1}

        def __setstate__(self, state: object) -> None:
            raise error()

    class Scenario(Stays):
        cargo = Cargo()

    packed = pack_code(f"run {error}", Scenario)
    with pytest.raises(murmur.errors.InvalidScenarioError, match="cannot be loaded here"):
        unpack_code(packed)


def test_what_hears_of_the_steps_of_a_search(error, caplog) -> None:
    told = []

    def on_step(step: object, search: object) -> None:
        told.append(step)
        raise error()

    class Acts(Stays):
        async def start(self, user: murmur.User) -> None:
            user.record("order", 0.01)
            await super().start(user)

    with murmur.Session() as session:
        capacity = session.find_capacity(
            Acts, check="p99(order) < 1s", low=1, high=2, hold=0.2, warm_up=0, on_step=on_step
        )
    assert len(told) == 1 < len(capacity.taken)
    assert "on_step raised, and is not called again" in caplog.text


def test_what_runs_in_the_background(session, error) -> None:
    async def fail() -> None:
        raise error()

    session.do(Stays, 1)
    with pytest.raises((murmur.errors.ScenarioError, MuteError)):
        session.background(fail).result(60)
    assert session.status().state == "running"
    finish(session)


def test_a_push_of_an_exporter(error) -> None:
    class Broken(murmur.exporters.PushExporter):
        def push(self, reading: object) -> None:
            raise error()

    with murmur.Session() as session, Broken(session, "nowhere", interval=0.05) as exporter:
        run = session.do(Stays, 2)
        until(lambda: exporter.statistics().failed > 1)
        run.stop()
        assert run.wait(60).state == "finished"
    assert type(error()).__name__ in exporter.statistics().last_error


def test_an_observer_of_what_is_seen(session, error, caplog) -> None:
    def see(change: object) -> None:
        raise error()

    run = session.do(Stays, 2)
    session.seen.observe(see, "elapsed")
    session.live.observe(see, "knob")
    begun = session.seen.elapsed
    until(lambda: session.seen.elapsed > begun + 0.5)
    session.update(knob=2.0)
    until(lambda: session.live.knob == 2.0)
    session.seen.unobserve(see, "elapsed")
    assert caplog.text.count("an observer of 'elapsed' raised") <= 1  # of this session
    run.stop()
    run.wait(60)


def test_a_function_that_draws(session, error) -> None:
    def draw(results: object) -> object:
        raise error()

    run = session.do(Stays, 1, duration=0.1)
    run.wait(60)
    chart = murmur.widgets.Chart(session, draw)
    chart.draw(run.results)
    assert chart.refused
    assert chart.said.startswith(f"draw: {type(error()).__name__}")
    chart.close()


def test_what_is_told_of_a_handler_that_failed(error, caplog) -> None:
    def fail(_: object) -> None:
        raise error()

    bus = Bus()
    bus.subscribe("amoc.run.state", fail, on_failure=fail)
    told = {"from": "idle", "to": "running"}
    assert bus.publish(Event("amoc.run.state", 0.0, 0.0, "n", "r", {"count": 1}, told))
    assert "raised too" in caplog.text


_A_LOG = "test_a_log_handler_that_raises_ends_no_run"
_A_LOOK = "test_a_look_that_fails_is_told_and_does_not_end_the_looking"
_AN_END = "test_a_run_ends_though_nobody_can_say_what_was_wrong_with_it"
_A_PANEL = "test_a_panel_that_breaks_does_not_hurt_the_others"

SITES = {
    "_given.py truth_given": "test_a_truth_that_is_none_ends_no_session",
    "_session/_named.py Named.__contains__": "test_what_a_session_is_asked",
    "_session/_session.py Session.call_throttle": "test_what_a_session_is_asked",
    "throttles/_ramp.py Ramp.__post_init__": "test_what_a_session_is_asked",
    "_session/_troubles.py FailureLog._tell": _A_LOG,
    "_session/_views.py Coordinators.__getitem__": "test_what_a_session_is_asked",
    "runtime/_run.py NodeRun._break": _A_LOG,
    "coordinators/_coordinators.py Coordinators.open": "test_what_a_user_calls",
    "coordinators/_coordinators.py _check_name": "test_what_a_user_calls",
    "coordinators/_plan.py _is_positive": "test_what_a_user_calls",
    "coordinators/_plan.py whole_number": "test_what_a_user_calls",
    "feeder/_rows.py Rows._count": "test_rows_that_nobody_had_and_users_without_one_are_told",
    "results/archive/_run_directory.py RunDirectory._tell": _A_LOG,
    "runtime/_stamp.py Stamp.read": "test_what_a_user_calls",
    "runtime/_users.py Users._gone": "test_a_user_that_raises_it_has_failed",
    "runtime/health/_sampler.py Sampler._tell": _A_LOG,
    "runtime/health/_watchdog.py Watchdog._report": _A_LOG,
    "throttles/_config.py ThrottleConfig.of": "test_what_a_user_calls",
    "throttles/_throttles.py Throttles.open": "test_what_a_user_calls",
    "_backend/_blocking.py Pending._answer": "test_start",
    "_backend/_bounded.py _Hearing._await": "test_an_action_of_a_coordinator",
    "_backend/_bounded.py call_within": "test_init",
    "_backend/_loop.py LoopThread._live": "test_a_loop_that_is_taken_away",
    "_backend/_loop.py _answer": "test_what_runs_in_the_background",
    "_session/_capacity.py _told": "test_what_hears_of_the_steps_of_a_search",
    "_session/_directory.py _survived": "test_the_keepers_of_a_directory_go_on_after_a_failed_look",
    "_session/_ending.py Ending._complain": _AN_END,
    "_session/_ending.py Ending._conclude": _AN_END,
    "_session/_live.py Watcher._complain": _A_LOOK,
    "_session/_live.py Watcher.try_look": _A_LOOK,
    "_session/_live.py _Told.notify_change": "test_an_observer_of_what_is_seen",
    "cluster/_travel.py unpack_code": "test_a_class_that_travels_to_a_node_or_a_guest",
    "coordinators/_performer.py Performer._call": "test_an_action_of_a_coordinator",
    "exporters/_push.py PushExporter._push_forever": "test_totals_that_cannot_be_read_end_no_push",
    "exporters/_push.py PushExporter._so_far": "test_totals_that_cannot_be_read_end_no_push",
    "exporters/_totals.py Totals._hear": "test_news_that_cannot_be_taken_in_end_no_export",
    "exporters/_push.py PushExporter._try": "test_a_push_of_an_exporter",
    "jupyter/panel/_publisher.py Publisher._show": _A_PANEL,
    "recording/_relay.py Relay._tell": "test_a_follower",
    "runtime/_calls.py Calls._within": "test_terminate",
    "runtime/_run.py NodeRun._build": "test_the_constructor",
    "runtime/_user.py User.close_possessions": "test_the_closing_of_what_a_user_has",
    "runtime/_users.py Users._live": "test_start",
    "scenario/_environment.py parse_settings": "test_a_trait",
    "scenario/_environment.py read_environment": "test_the_parser_of_the_environment",
    "scenario/_environment.py read_text": "test_a_trait",
    "scenario/_find.py _in_module": "test_the_module_of_a_scenario",
    "scenario/_find.py _load": "test_the_module_of_a_scenario",
    "scenario/_update.py Update.commit": "test_an_observer",
    "scenario/_update.py _equal": "test_the_comparison_of_values",
    "scenario/_verification.py Verification._attempt": "test_a_validator_at_the_start",
    "telemetry/_bus.py Bus.publish": "test_a_handler",
    "telemetry/_bus.py _detach": "test_what_is_told_of_a_handler_that_failed",
    "telemetry/_kinds.py _code_of": "test_an_error_whose_code_cannot_be_had",
    "telemetry/_kinds.py _grpc_details": "test_an_error_whose_code_cannot_be_had",
    "throttles/_job.py Job.perform": "test_a_call_of_a_throttle",
    "throttles/_shape.py Sampled._look": "test_a_shape",
    "throttles/_shape.py guarded.rate": "test_a_shape",
    "throttles/_shape.py shape_curve": "test_a_shape_that_fails_at_once",
    "widgets/_chart.py Chart.draw": "test_a_function_that_draws",
}
"""Every function of murmur that takes whatever other code raises, and a test of it."""

PARAMETERS = {
    "Chart.chart": "test_a_function_that_draws",
    "Options.transport": "test_start",  # called in a user's task, as all below it
    "Relay.attach.follower": "test_a_follower",
    "Session.background.fn": "test_what_runs_in_the_background",
    "Session.find_capacity.on_step": "test_what_hears_of_the_steps_of_a_search",
    "Session.parse_environment": "test_the_parser_of_the_environment",
    "Throttle.run.fn": "test_a_call_of_a_throttle",
    "User.iterate.source": "test_start",
    "User.wait_for.awaitable": "test_start",
    "WebSocket.ask.check": "test_start",
    "coordinator.plan": "test_an_action_of_a_coordinator",
    "on.handler": "test_a_handler",
    "preview.what": "test_a_shape_that_fails_at_once",
    "throttle.shape": "test_a_shape",
}
"""Every public parameter that is code, and a test of what it raises."""

OF_MURMUR = {"Job", "Membership", "Results", "Run", "Subscription", "Bus", "HttpStub"}
"""Classes that a user never makes, or that only a test does."""


def sites() -> set[str]:
    """Return the functions that call code through the wrappers, or take a `BaseException`."""
    found: set[str] = set()
    for path in sorted(SOURCE.rglob("*.py")):
        module = str(path.relative_to(SOURCE))
        if module != "_guard.py":  # the wrappers themselves
            _collect(tree_of(path), module, (), found)
    return found


def _collect(node: ast.AST, module: str, within: tuple[str, ...], found: set[str]) -> None:
    for child in ast.iter_child_nodes(node):
        name = getattr(child, "name", None)
        is_named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        inside = (*within, str(name)) if is_named else within
        if _calls(child) or _takes_all(child):
            found.add(f"{module} {'.'.join(within)}")
        _collect(child, module, inside, found)


def _calls(node: ast.AST) -> bool:
    """Whether a wrapper is called, or handed to a thread that calls it."""
    if not isinstance(node, ast.Call):
        return False
    named = [node.func, *node.args[:1]]
    return any(isinstance(each, ast.Name) and each.id in WRAPPERS for each in named)


def _takes_all(node: ast.AST) -> bool:
    """Whether it is a handler of every class that does not raise it again."""
    if not isinstance(node, ast.ExceptHandler) or "BaseException" not in ast.unparse(
        node.type or ast.Name("BaseException")
    ):
        return False
    last = node.body[-1]
    return not (isinstance(last, ast.Raise) and last.exc is None)


def parameters() -> set[str]:
    """Return the public parameters whose annotation says that they are code."""
    found: set[str] = set()
    for module in (murmur, murmur.exporters, murmur.http, murmur.widgets, murmur.testing):
        for name in module.__all__:
            thing = getattr(module, name)
            if name in OF_MURMUR or not callable(thing):
                continue
            methods = vars(thing) if inspect.isclass(thing) else {}
            public = [(f"{name}.{key}", each) for key, each in methods.items() if key[0] != "_"]
            for path, each in [(name, thing), *public]:
                found.update(f"{path}.{one}" for one in _code_in(each))
    return found


def _code_in(thing: object) -> Iterator[str]:
    try:
        signature = inspect.signature(thing)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return
    for name, parameter in signature.parameters.items():
        if any(word in str(parameter.annotation) for word in CODE):
            yield name


CODE = ("Callable", "Awaitable", "AsyncIterable", "Follower", "Handler", "PlanLike", "Shape")
WRAPPERS = ("heard", "hear_out", "call_within")


def test_every_place_that_calls_code_has_its_test() -> None:
    """A new one belongs into `SITES` or `PARAMETERS`, with a test, and into the table."""
    again = {
        "_courier.py Courier._make_at_once",
        "_courier.py Courier.make",
        "_pool.py Pool.exchange",
        "_websocket.py WebSocket.ask",
    }
    ours = {f"http/{each}" for each in again}  # they raise it again
    assert sites() - ours == set(SITES)
    assert parameters() - {"Relay.detach.follower", "Relay.standing", "Totals.now"} == set(
        PARAMETERS
    )
    texts = [each.read_text(encoding="utf-8") for each in Path(__file__).parents[1].rglob("test_*")]
    known = set(re.findall(r"^(?:async )?def (test_\w+)", "\n".join(texts), re.MULTILINE))
    assert {*SITES.values(), *PARAMETERS.values()} - known == set()


def test_every_place_is_in_the_table() -> None:
    here = {
        name
        for name in globals()
        if name.startswith("test_") and not name.startswith("test_every_place")
    }
    page = PAGE.read_text(encoding="utf-8")

    assert [name for name in sorted(here) if f"`{name}`" not in page] == []
