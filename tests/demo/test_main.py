"""The command line of the demo refuses what it cannot do."""

from __future__ import annotations

import sys

import pytest

from murmur.demo.__main__ import main


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--users", "0"], "at least one user"),
        (["--users", "many"], "invalid"),
        (["--duration", "0"], "more than 0"),
        (["--duration", "nan"], "more than 0"),
        (["--port", "1"], "unrecognized"),
        (["--report", "."], "give a file"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, complaint, capsys):
    with pytest.raises(SystemExit) as left:
        main(arguments)

    assert left.value.code == 2
    assert complaint in capsys.readouterr().err


def test_help_tells_the_exit_codes(capsys):
    with pytest.raises(SystemExit) as left:
        main(["--help"])

    assert left.value.code == 0
    assert "Exit codes" in capsys.readouterr().out


def test_a_report_that_cannot_be_written_is_said_before_the_run(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    monkeypatch.setattr("murmur.demo.__main__.router_process", None)  # nothing is started

    assert main(["--report", str(tmp_path / "demo.html")]) == 2
    assert "--report needs the package 'vl_convert'" in capsys.readouterr().err
