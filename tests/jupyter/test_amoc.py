"""%amoc parses a line, makes one call on the session and returns its answer."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from IPython.core.error import UsageError

from murmur.errors import RunStateError
from murmur.jupyter import VERBS, Amoc


@pytest.fixture
def amoc(shell):
    """Return a function that runs a line as the shell would."""
    return lambda line: shell.run_line_magic("amoc", line)


@pytest.fixture
def run(session, chat):
    """Return the run that the session has."""
    return session.start(chat)


class TestDo:
    def test_hands_over_the_class_itself_and_returns_the_run(self, amoc, session, chat, run):
        assert amoc("do Chat 100") is run
        assert session.calls == [("do", chat, 100, {})]

    def test_starts_without_users_if_no_number_is_given(self, amoc, session, chat):
        amoc("do Chat")

        assert session.calls == [("do", chat, 0, {})]

    def test_reads_settings_by_their_traits(self, amoc, session, chat):
        amoc("do Chat 10 pace=0.5 port=80 label='hello you' quiet=true user_rate=inf mode=fast")

        assert session.calls == [
            (
                "do",
                chat,
                10,
                {
                    "pace": 0.5,
                    "port": 80,
                    "label": "hello you",
                    "quiet": True,
                    "user_rate": float("inf"),
                    "mode": "fast",
                },
            )
        ]

    def test_passes_only_the_options_that_are_given(self, amoc, session, chat):
        amoc("do --seed 7 Chat --duration=60 10 --end-when-idle")

        assert session.calls == [
            ("do", chat, 10, {"seed": 7, "duration": 60.0, "end_when_idle": True})
        ]

    @pytest.mark.parametrize("text", ["__import__('os')", "1+1", "fast"])
    def test_refuses_a_text_that_is_no_value_and_does_not_evaluate_it(self, amoc, session, text):
        with pytest.raises(UsageError, match=r"setting 'pace' does not accept .* a float"):
            amoc(f'do Chat pace="{text}"')
        assert session.calls == []

    def test_names_all_settings_that_are_wrong(self, amoc, session):
        with pytest.raises(UsageError) as caught:
            amoc("do Chat pase=1 port=many")

        assert "unknown setting 'pase'; did you mean 'pace'" in str(caught.value)
        assert "setting 'port' does not accept 'many'" in str(caught.value)
        assert session.calls == []

    def test_takes_an_empty_text(self, amoc, session):
        amoc("do Chat label=")

        assert session.calls[0][-1] == {"label": ""}

    def test_wait_waits_for_the_run_and_returns_it(self, amoc, session, chat, run):
        assert amoc("do Chat 5 --end-when-idle --wait") is run
        assert session.calls[1:] == [("run", "wait", None, {})]

    def test_an_interrupt_ends_the_wait_and_not_the_run(self, amoc, session, run):
        run.errors["wait"] = KeyboardInterrupt()

        with pytest.raises(UsageError, match="the run goes on"):
            amoc("do Chat 5 --wait")
        assert [call[0] for call in session.calls] == ["do", "run"]

    def test_names_what_an_unknown_scenario_may_have_been(self, amoc, session):
        with pytest.raises(UsageError, match="did you mean 'Chat'"):
            amoc("do Chatt 5")
        assert session.calls == []

    def test_a_scenario_is_looked_up_and_never_evaluated(self, amoc, shell, session):
        shell.user_ns["made"] = made = []
        shell.user_ns["make"] = lambda: made.append(1)

        with pytest.raises(UsageError):
            amoc("do make()")
        assert made == []

    def test_finds_a_scenario_where_the_line_stands(self, shell, session, chat):
        shell.run_cell(
            "def go(Local, n):\n"
            "    get_ipython().run_line_magic('amoc', 'do Local $n')\n"
            "go(Chat, 3)"
        ).raise_error()

        assert session.calls == [("do", chat, 3, {})]


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("add 50", ("add", 50, {})),
        ("add 1_000", ("add", 1000, {})),
        ("remove 20", ("remove", 20, {})),
        ("remove 20 --force", ("remove", 20, {"force": True})),
        ("update pace=0.5", ("update", {"pace": 0.5})),
        ("update pace=0.5 label=None", ("update", {"pace": 0.5, "label": "None"})),
        ("status", ("status", {})),
        ("stop", ("stop", {})),
        ("reset", ("reset", {})),
        ("wait", ("run", "wait", None, {})),
        ("wait 90", ("run", "wait", 90.0, {})),
        ("throttle messages", ("messages", "statistics", {})),
        ("throttle messages rate=200", ("messages", "change_rate", {"rate": 200.0})),
        (
            "throttle messages rate=inf interval=1 --cancel-ramp",
            (
                "messages",
                "change_rate",
                {"rate": float("inf"), "interval": 1.0, "cancel_ramp": True},
            ),
        ),
        ("pause messages", ("messages", "pause", {})),
        ("resume messages", ("messages", "resume", {})),
        ("unlock messages", ("messages", "unlock", {})),
        (
            "ramp messages 100 1000 --duration 1m",
            ("messages", "ramp", {"from_rate": 100.0, "to_rate": 1000.0, "duration": 60.0}),
        ),
        (
            "ramp messages 100 1000 --steps 9 --step-interval 5",
            (
                "messages",
                "ramp",
                {"from_rate": 100.0, "to_rate": 1000.0, "steps": 9, "step_interval": 5.0},
            ),
        ),
    ],
)
def test_a_line_is_one_call(amoc, session, run, line, call):
    amoc(line)

    assert session.calls == [call]


def test_the_answer_of_the_call_is_the_answer_of_the_line(amoc, session):
    session.answers = {"add": range(101, 151), "remove": 20}

    assert amoc("add 50") == range(101, 151)
    assert amoc("remove 20") == 20


def test_the_answer_can_be_kept(shell, session):
    session.answers["status"] = "a status"

    shell.run_cell("s = %amoc status").raise_error()

    assert shell.user_ns["s"] == "a status"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("users", "users frame"),
        ("actions", "actions frame"),
        ("windows", "windows frame"),
        ("summary", "in short"),
    ],
)
def test_results_are_those_of_the_latest_run(amoc, run, line, answer):
    assert amoc(line) == answer


def test_results_before_any_run_say_how_to_start_one(amoc):
    with pytest.raises(UsageError, match="nothing has run yet; start with: %amoc do"):
        amoc("users")


def test_scenarios_show_what_they_do_and_where_they_are_from(amoc, chat):
    table = amoc("scenarios")

    assert dict(table) == {"Chat": chat}
    assert "Chat  Users write to their neighbours.  " in repr(table)
    assert "<td>Users write to their neighbours.</td>" in table._repr_html_()


def test_no_scenarios_say_how_to_make_one(amoc, shell):
    del shell.user_ns["Chat"]

    assert "derives from murmur.Scenario" in repr(amoc("scenarios"))


def test_describe_names_the_settings_of_a_scenario(amoc):
    text = repr(amoc("describe Chat"))

    assert "pace" in text
    assert "seconds between messages" in text


def test_describe_reads_a_file_and_does_not_run_it(amoc, tmp_path):
    path = tmp_path / "login.py"
    path.write_text(
        "import missing_package\n"
        "from traitlets import Int\n"
        "import murmur\n"
        "class Login(murmur.Scenario):\n"
        "    tries = Int(3, help='how often')\n"
        "    async def start(self, user): ...\n"
    )

    assert "tries" in repr(amoc(f"describe {path}"))


class TestErrors:
    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("ad 50", "unknown verb 'ad'; did you mean 'add'"),
            ("Chat do 5", "unknown verb 'Chat'; the verb comes first: %amoc do Chat"),
            ("add", "add needs COUNT (how many users); usage: %amoc add COUNT"),
            ("plot", "plot needs NAME (the chart: latency, throughput, "),
            ("pace 0.5", "unknown verb 'pace'; it is a setting: %amoc update pace=VALUE"),
            ("remove 5 true", "remove has no use for 'true'; did you mean --force?"),
            ("do Chat 5 []", "do has no use for '[]'; write settings as name=value"),
            ("throttle messages 200", "no use for '200'; did you mean rate=200?"),
            ("frame efects", "no frame 'efects'; did you mean 'effects'"),
            ("add many", "COUNT takes a whole number, not 'many'"),
            ("add 1.5", "COUNT takes a whole number, not '1.5'"),
            ("add 5 6", "add has no use for '6'; usage: %amoc add COUNT"),
            ("add 5 pace=1", "add does not take pace="),
            ("remove 5 --forse", "remove has no option --forse; did you mean '--force'?"),
            ("remove 5 --force=1", "--force takes no value"),
            ("do Chat --seed", "--seed takes a whole number: --seed N"),
            (
                "do Chat --duration soon",
                "--duration takes seconds, or a time such as 1m30s, not 'soon'",
            ),
            ("do Chat duration=5", "; give --duration SECONDS, as in: %amoc do NAME"),
            ("do Chat users=5", "; give USERS, as in: %amoc do NAME"),
            ("do Chat pace=1 pace=2", "pace is given twice"),
            ("do Chat pace = 1", "write name=value without spaces"),
            ("do Chat label='x", "a quotation is not closed"),
            ("update", "update needs a setting; usage: %amoc update setting=value"),
            ("throttle messages rat=5", "throttle does not take rat=; did you mean 'rate'"),
            ("throttle messages rate=5 rate=6", "rate is given twice"),
            ("ramp messages 1 10 duration=5", "does not take duration=; give --duration SECONDS"),
            ("ramp messages 1 10", "ramp needs --duration SECONDS, or --steps N with"),
            ("ramp messages 1 10 --duration 5 --steps 2", "ramp needs --duration SECONDS, or"),
            (
                "ramp messages 100",
                "ramp needs TO (rate to end with); usage: %amoc ramp NAME FROM TO",
            ),
        ],
    )
    def test_a_wrong_line_calls_nothing_and_says_what_would_do(
        self, amoc, session, run, line, message
    ):
        with pytest.raises(UsageError) as caught:
            amoc(line)

        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
        assert session.calls == []

    def test_an_error_of_murmur_keeps_its_words_and_its_cause(self, amoc, session):
        session.errors["add"] = error = RunStateError("add users", "idle")

        with pytest.raises(UsageError, match=r"^cannot add users: the run is idle$") as caught:
            amoc("add 5")
        assert caught.value.__cause__ is error

    def test_an_error_shows_as_one_line_without_traceback(self, shell, session, capsys):
        session.errors["add"] = RunStateError("add users", "idle")

        result = shell.run_cell("%amoc add 5")

        shown = capsys.readouterr()
        assert shown.err == "UsageError: cannot add users: the run is idle\n"
        assert shown.out == ""
        assert not result.success

    def test_a_defect_is_not_dressed_up_as_a_usage_error(self, amoc, session):
        session.errors["add"] = ZeroDivisionError()

        with pytest.raises(ZeroDivisionError):
            amoc("add 5")


class TestHelp:
    @pytest.mark.parametrize("line", ["", "--help", "-h", "help"])
    def test_names_every_verb(self, amoc, line):
        text = repr(amoc(line))

        assert all(f"  {name} " in text for name in VERBS)

    @pytest.mark.parametrize("name", VERBS)
    def test_of_a_verb_shows_its_usage_and_an_example(self, amoc, session, name):
        text = repr(amoc(f"{name} --help"))

        assert VERBS[name].usage in text
        assert f"%amoc {name}" in VERBS[name].example
        assert session.calls == []

    def test_is_given_anywhere_in_the_line(self, amoc, session):
        assert "USERS" in amoc("do Chat 100 nonsense=1 --help")
        assert "USERS" in amoc("help do")
        assert session.calls == []

    def test_is_the_docstring_of_the_magic(self):
        assert all(f"  {name} " in Amoc.amoc.__doc__ for name in VERBS)

    @pytest.mark.parametrize("verb", VERBS.values(), ids=list(VERBS))
    def test_examples_parse(self, amoc, run, shell, verb):
        # Frames that are not there cannot be drawn; tickets have tests with a real session, and
        # saved runs and recordings with real files.
        others = {"plot", "open", "join", "leave", "attach", "detach", "load", "compare", "import"}
        if verb.name not in others:
            shell.run_cell(verb.example).raise_error()


class TestImport:
    def test_writes_a_scenario_into_the_next_cell(self, amoc, tmp_path, monkeypatch):
        cells = []
        monkeypatch.setattr(
            "murmur.jupyter._verbs.get_ipython",
            lambda: SimpleNamespace(set_next_input=cells.append),
        )
        path = tmp_path / "api.txt"
        path.write_text("curl http://127.0.0.1/items/7 -H 'X-Api-Key: hush'")

        told = amoc(f"import {path}")

        assert told.splitlines()[0] == "Api is in the next cell"
        assert "class Api(murmur.Scenario):" in cells[0]
        assert "hush" not in cells[0]

    def test_says_what_it_cannot_read(self, amoc, tmp_path):
        with pytest.raises(UsageError, match="no such file"):
            amoc(f"import {tmp_path / 'none.har'}")
