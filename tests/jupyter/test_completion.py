"""Tab completes verbs, scenarios, settings, values, options, throttles and charts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from IPython.core.completer import provisionalcompleter

from murmur.jupyter import VERBS, complete


@pytest.fixture
def tab(shell):
    """Return a function that completes a text as the front end would."""

    def complete(text: str) -> list[str]:
        with provisionalcompleter():
            found = list(shell.Completer.completions(text, len(text)))
        return [text[: each.start] + each.text for each in found]

    return complete


@pytest.fixture
def run(session, chat):
    """Return the run that the session has."""
    return session.start(chat)


def test_verbs(tab):
    assert tab("%amoc re") == [
        "%amoc remove",
        "%amoc reset",
        "%amoc resume",
        "%amoc report",
    ]
    assert tab("%amoc ") == [f"%amoc {name}" for name in [*VERBS, "--help"]]


@pytest.mark.parametrize("before", ["s = ", "first, last = ", "    ", "runs.latest = "])
def test_after_an_assignment(tab, before):
    assert tab(f"{before}%amoc stat") == [f"{before}%amoc status"]


def test_in_the_first_line_of_a_cell_magic(tab):
    assert tab("%%amoc do Ch") == ["%%amoc do Chat"]


def test_in_a_later_line_of_a_cell(tab):
    assert tab("x = 1\n%amoc pau") == ["x = 1\n%amoc pause"]


def test_scenarios_of_the_notebook(tab):
    assert tab("%amoc do C") == ["%amoc do Chat"]
    assert tab("%amoc describe C") == ["%amoc describe Chat"]


def test_settings_of_the_scenario_that_were_not_given_yet(tab):
    assert tab("%amoc do Chat 100 p") == ["%amoc do Chat 100 pace=", "%amoc do Chat 100 port="]
    assert tab("%amoc do Chat port=1 p") == ["%amoc do Chat port=1 pace="]


def test_values_of_a_setting(tab):
    assert tab("%amoc do Chat mode=fa") == ["%amoc do Chat mode=fast", "%amoc do Chat mode=fair"]
    assert tab("%amoc do Chat quiet=") == ["%amoc do Chat quiet=True", "%amoc do Chat quiet=False"]


def test_options_that_were_not_given_yet(tab):
    assert tab("%amoc do Chat --s") == ["%amoc do Chat --seed"]
    assert tab("%amoc do Chat --wait --") == [
        f"%amoc do Chat --wait {option}"
        for option in ["--seed", "--duration", "--end-when-idle", "--nodes", "--help"]
    ]


def test_live_settings_of_the_running_scenario(tab, run):
    assert tab("%amoc update p") == ["%amoc update pace="]
    assert tab("%amoc update mode=") == ["%amoc update mode=fast", "%amoc update mode=fair"]


@pytest.mark.parametrize("verb", ["throttle", "pause", "resume", "unlock", "ramp"])
def test_throttles(tab, verb):
    assert tab(f"%amoc {verb} m") == [f"%amoc {verb} messages"]


def test_pairs_of_a_throttle(tab):
    assert tab("%amoc throttle messages ra") == ["%amoc throttle messages rate="]


def test_charts(tab):
    assert "%amoc plot latency" in tab("%amoc plot l")


def test_settings_in_a_call(tab):
    found = tab("session.do(Chat, 100, po")

    assert "session.do(Chat, 100, port=" in found
    assert "session.do(Chat, port=1, port=" not in tab("session.do(Chat, port=1, po")


def test_another_line_is_left_to_the_others(tab, shell):
    shell.user_ns["remember_me"] = 1

    assert tab("remember") == ["remember_me"]


def test_nothing_is_offered_where_nothing_fits(shell, run):
    context = shell.magics_manager.registry["Amoc"].context()
    for text in ["frob x", "do Chat --seed ", "do Chat label='x ", "do Chat host="]:
        assert complete(text, context)[1] == []


def test_no_run_means_no_live_settings_and_no_error(tab, session):
    assert "%amoc update --help" not in tab("%amoc update p")


def test_a_file_is_not_run_for_a_tab(tab, tmp_path):
    path = tmp_path / "chat.py"
    path.write_text("raise SystemExit\n")

    tab(f"%amoc do {path} 5 p")


def test_frames_and_coordinators(tab, run):
    assert tab("%amoc frame err") == ["%amoc frame errors"]
    assert tab("%amoc coordinators p") == ["%amoc coordinators pairs"]


@pytest.mark.parametrize(
    "before",
    [
        "session.find_capacity(Chat, check='p99(",
        "run.results.check('failed(",
        "%amoc check 'service_p50(",
    ],
)
def test_actions_in_a_check(tab, run, before):
    actions = [SimpleNamespace(name=name) for name in ("login", "logout", "GET /items/{id}")]
    run.answers["observe"] = SimpleNamespace(recent=SimpleNamespace(actions=actions))

    assert tab(f"{before}log") == [f"{before}login)", f"{before}logout)"]
    assert tab(f"{before}GET /it") == [f"{before}GET /items/{{id}})"]


@pytest.mark.parametrize("before", ["session.throttles[", "x = murmur.session().throttles[ "])
@pytest.mark.parametrize("quote", ['"', "'"])
def test_names_of_throttles_in_brackets(tab, run, before, quote):
    assert tab(f"{before}{quote}mes") == [f"{before}{quote}messages{quote}]"]


def test_live_settings_in_an_update(tab, run):
    assert "session.update(pace=" in tab("session.update(pa")
    assert tab("other.update(pace_of_no_se") == []
