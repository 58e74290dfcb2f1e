"""%%amoc do runs the body of the cell first, as the shell runs a cell."""

from __future__ import annotations

import inspect

import pytest
from IPython.core.error import UsageError

BODY = '''\
import murmur.scenario

class Ping(murmur.scenario.Scenario):
    """Sends pings."""

    async def start(self, user):
        ...
'''


@pytest.fixture
def cell(shell):
    """Return a function that runs a body under a %%amoc line."""
    return lambda line, body: shell.run_cell_magic("amoc", line, body)


def test_the_body_defines_what_the_line_starts(cell, shell, session):
    cell("do Ping 10", BODY)

    assert session.calls == [("do", shell.user_ns["Ping"], 10, {})]


def test_the_body_may_define_the_scenario_anew(shell, session):
    cell = f"%%amoc do Ping 10\n{BODY}"

    shell.run_cell(cell).raise_error()
    first = shell.user_ns["Ping"]
    shell.run_cell(cell).raise_error()

    assert shell.user_ns["Ping"] is not first
    assert [call[1] for call in session.calls] == [first, shell.user_ns["Ping"]]


def test_the_run_is_the_result_of_the_cell(cell, session, chat):
    run = session.start(chat)

    assert cell("do Ping", BODY) is run


def test_a_body_that_fails_starts_nothing_and_shows_its_error_once(shell, session, capsys):
    result = shell.run_cell("%%amoc do Chat 10\nimport math\n\n1 / 0")

    shown = capsys.readouterr()
    assert session.calls == []
    assert shown.out.count("ZeroDivisionError: division by zero") == 1
    assert shown.err == "UsageError: nothing was started: the body of the cell failed\n"
    assert not result.success


def test_a_traceback_shows_the_line_numbers_of_the_cell(shell, capsys):
    shell.run_cell("%%amoc do Chat 10\n\n1 / 0")

    assert "----> 3 1 / 0" in capsys.readouterr().out


def test_a_body_that_does_not_compile_starts_nothing(cell, session):
    with pytest.raises(UsageError, match="nothing was started"):
        cell("do Chat", "if\n")
    assert session.calls == []


def test_the_source_of_the_body_can_be_read(cell, shell):
    cell("do Ping", BODY)

    source = inspect.getsource(shell.user_ns["Ping"].start)
    assert source == "    async def start(self, user):\n        ...\n"


def test_a_wrong_line_is_refused_before_the_body_runs(cell, shell):
    with pytest.raises(UsageError, match="unknown verb"):
        cell("doo Ping", BODY)
    with pytest.raises(UsageError, match="takes a whole number"):
        cell("do Ping many", BODY)
    assert "Ping" not in shell.user_ns


@pytest.mark.parametrize("line", ["", "--help", "help"])
def test_a_cell_without_a_verb_is_not_passed_over_in_silence(cell, shell, line):
    with pytest.raises(UsageError, match="nothing was run"):
        cell(line, BODY)
    assert "Ping" not in shell.user_ns


def test_only_do_takes_a_cell(cell, session):
    with pytest.raises(UsageError, match="only do takes a cell; write: %amoc add 5"):
        cell("add 5", "pass\n")
    assert session.calls == []


def test_a_body_may_await_where_no_loop_runs(cell, shell, session):
    cell("do Chat", "import anyio\nawait anyio.sleep(0)\nslept = True\n")

    assert shell.user_ns["slept"]
    assert session.calls


def test_a_body_may_begin_with_another_cell_magic(cell, shell, session):
    cell("do Chat", "%%capture text\nprint('hello')\n")

    assert shell.user_ns["text"].stdout == "hello\n"
    assert session.calls
