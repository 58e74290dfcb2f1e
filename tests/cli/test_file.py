"""A TOML file says the same as the options."""

from __future__ import annotations

from pathlib import Path

import pytest

from murmur._cli import main
from murmur._cli._file import KEYS, read_file
from murmur.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run.toml"


def refusal(file: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_file(file)
    return str(caught.value)


def test_every_key_is_an_option_of_the_command(capsys):
    main(["run", "--help"])
    told = capsys.readouterr().out

    no_option = {key for key in KEYS if f"--{key.replace('_', '-')} " not in told}
    assert no_option == {"scenario", "settings"}  # the argument, and what --set sets
    assert "SCENARIO" in told
    assert "--set " in told


def test_paths_lead_from_the_file(file):
    file.write_text('scenario = "s/chat.py:Chat"\nreport = "r.html"\njunit = "j.xml"\n')

    found = read_file(file)

    assert found["scenario"] == str(file.parent / "s/chat.py:Chat")
    assert found["report"] == str(file.parent / "r.html")


def test_a_module_is_no_path(file):
    file.write_text('scenario = "package.module:Chat"\n')

    assert read_file(file)["scenario"] == "package.module:Chat"


def test_unknown_keys_and_wrong_kinds_are_told_together(file):
    file.write_text('chekc = ["x"]\nusers = "many"\ncheck = "failed < 1%"\nrate = true\n')

    text = refusal(file)

    assert "no key 'chekc'; did you mean 'check'?" in text
    assert "users has to be a whole number, not 'many'" in text
    assert "check has to be a list of text" in text
    assert "rate has to be text with a unit" in text


def test_a_file_that_windows_wrote_is_read(file):
    file.write_bytes(b'\xef\xbb\xbfscenario = "a.py"\r\nusers = 2\r\n')

    assert read_file(file)["users"] == 2


def test_what_is_no_toml_is_refused(file):
    file.write_text("users: 3\n")

    assert "is no TOML file" in refusal(file)


def test_a_file_that_is_not_there_is_refused(file):
    assert "cannot be read: No such file" in refusal(file)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("users = " + "9" * 5000, "a number in it is too long"),
        ("a = " + "[" * 100_000, "is nested too deeply"),
        ("users = 1e999", "users has to be a whole number, not inf"),
        ("nodes = nan", "nodes has to be a whole number, not nan"),
    ],
)
def test_an_absurd_file_is_refused_in_a_sentence(file, text, reason):
    file.write_text(text)

    assert reason in refusal(file)


def test_a_file_without_end_is_not_read_to_its_end():
    assert "larger than 64 MB" in refusal(Path("/dev/zero"))
