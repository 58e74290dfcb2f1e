"""What there is, and what is said of it; nothing heavy is imported for help."""

from __future__ import annotations

import subprocess
import sys

import pytest

from murmur._cli import main
from murmur._cli._commands import COMMANDS, murmur


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_under_its_name(name, capsys):
    assert main([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Usage: murmur {name} ")
    assert "  -h, --help" in out


def test_the_list_of_commands_imports_none_of_them(capsys):
    probe = (
        "import sys; from murmur._cli import main; main(['--help']); "
        "main(['run', '--help']); print(sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)

    for name in COMMANDS:
        assert f"\n  {name} " in done.stdout
    for heavy in ("numpy", "pandas", "rich", "anyio", "asyncio", "traitlets"):
        assert f"'{heavy}'" not in done.stdout.splitlines()[-1]


def test_help_stands_in_sections(capsys):
    main(["run", "--help"])
    out = capsys.readouterr().out

    titles = [line for line in out.splitlines() if line.endswith(":") and line[0] != " "]
    assert titles == ["Load:", "Scenario:", "Checks:", "Output:", "Nodes:", "Options:"]


def test_every_option_has_help():
    for name in COMMANDS:
        command = murmur.get_command(None, name)
        options = [each for each in command.params if each.param_type_name == "option"]
        assert [each.name for each in options if not each.help] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rnu"], "no command 'rnu'; did you mean 'run'?"),
        (["status"], "Missing argument 'DIRECTORY|TICKET'"),
        (["status", "x", "--within", "0"], "Invalid value for '--within': 0.0 is not in the range"),
        (["run", "x.py", "--user", "3"], "No such option"),
        (["run", "x.py", "-u", "many"], "'many' is not a valid integer"),
        (["run", "x.py"], "the file cannot be read: No such file"),
        (["run", "x.py", "--every", "0"], "--every: give more than 0"),
        (["describe", "nothing"], "cannot find scenario 'nothing'"),
        (["completion", "tcsh"], "'tcsh' is not one of"),
    ],
)
def test_what_cannot_be_used_is_exit_2_with_a_sentence(arguments, said, capsys):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert "Traceback" not in out + err


def test_the_version_is_told(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("murmur 0.")


def test_without_click_a_sentence_says_what_to_install():
    probe = (
        "import sys; sys.modules['click'] = None; from murmur._cli import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "pip install 'murmur-load[cli]'" in done.stderr
    assert "Traceback" not in done.stderr


DIGITS = "9" * 5000


@pytest.mark.parametrize(
    "words",
    [
        ["--stage", f"10s:{DIGITS}"],
        ["--stage", f"{DIGITS}:10"],
        ["--stage", "1s:999999999999"],
        ["--listen", f"127.0.0.1:{DIGITS}", "--ticket", "ticket"],
        ["--users", DIGITS],
        ["--duration", DIGITS],
        ["--rate", f"{DIGITS}/parsec"],
        ["--seed", DIGITS],
        ["--check", f"p{DIGITS} < 1s"],
    ],
    ids=lambda words: " ".join(words)[:20],
)
def test_a_number_of_thousands_of_digits_is_a_short_sentence(words, capsys, scenario):
    assert main(["run", str(scenario), *words]) == 2
    told = capsys.readouterr().err

    assert "Traceback" not in told
    assert "set_int_max_str_digits" not in told
    assert 20 < len(told) < 600


def told(capsys, *words: str) -> str:
    assert main(list(words)) == 2
    return capsys.readouterr().err


def test_all_that_is_wrong_with_a_line_is_told_at_once(capsys, scenario):
    line = (
        f"run {scenario} --users many --durations 1m --seed x --progress fancy --set prot=1 "
        "--every 0"
    )
    err = told(capsys, *line.split(), "--check", "p99(nap) = 1")

    for said in (
        "'--users': 'many' is not a valid integer",
        "No such option '--durations'",
        "'--seed': 'x' is not a valid integer",
        "'fancy' is not one of",
        "unknown setting 'prot'; did you mean 'port'?",
        "--every: give more than 0",
        "--check: write == for 'equals'",
    ):
        assert err.count(said) == 1, said
    assert err.startswith("murmur: 7 problems")
    assert "unexpected" not in err  # 1m was the value of what is misspelt


def test_the_word_behind_an_unknown_option_is_not_held_against_anybody(capsys, scenario):
    err = told(capsys, "run", "--zzz", "5", str(scenario), "--users", "many", "--out")

    assert "3 problems" in err
    assert "No such option '--zzz'" in err
    assert "'many' is not a valid integer" in err
    assert "'5'" not in err


def test_other_commands_tell_all_that_click_finds(capsys):
    err = told(capsys, "compare", "a", "b", "--keep", "x", "--confidence", "y", "-z")

    assert err.startswith("Usage: murmur compare")
    assert "3 problems\n  - " in err


def test_help_comes_before_what_is_wrong(capsys):
    assert main(["run", "--users", "many", "--help"]) == 0
    assert capsys.readouterr().out.startswith("Usage: murmur run")
