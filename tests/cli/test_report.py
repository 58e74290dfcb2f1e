"""`murmur report` reads, judges and shows a run that was saved."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from murmur._cli import main


@pytest.fixture
def saved(results, tmp_path: Path) -> str:
    return str(results.save(tmp_path / "kept"))


def test_the_summary_is_printed(saved, capsys):
    code = main(["report", saved])
    out, err = capsys.readouterr()

    assert code == 0
    assert out.startswith("Nap r1, seed 7")
    assert out.endswith("exit 0: nothing was checked\n")
    assert err == ""


@pytest.mark.parametrize(
    ("check", "code", "said"),
    [
        ("count == 200", 0, "1 check holds"),
        ("p99(nap) < 90ms", 1, "  FAILED  p99(nap) < 90ms"),
        ("p99(nop) < 1", 1, "did you mean 'nap'?"),
    ],
)
def test_checks_are_the_exit_code(saved, capsys, check, code, said):
    assert main(["report", saved, "--check", check]) == code
    assert said in capsys.readouterr().out


def test_a_program_gets_json(saved, capsys):
    main(["report", saved, "--json", "--check", "count == 200"])

    assert json.loads(capsys.readouterr().out)["checks"][0]["value"] == 200


def test_files_are_written_and_named(saved, tmp_path, capsys):
    wanted = {"--junit": tmp_path / "j.xml", "--csv": tmp_path / "csv"}
    arguments = [str(word) for pair in wanted.items() for word in pair]

    assert main(["report", saved, *arguments]) == 0
    assert all(path.exists() for path in wanted.values())
    assert f"written: {tmp_path / 'j.xml'}" in capsys.readouterr().err


def test_a_page_is_written(saved, tmp_path, capsys):
    assert main(["report", saved, "--html", str(tmp_path / "r.html")]) == 0
    assert (tmp_path / "r.html").stat().st_size > 100_000


def test_a_file_that_cannot_be_written_does_not_keep_the_others_away(saved, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    arguments = ["--junit", str(tmp_path / "file" / "j.xml"), "--csv", str(tmp_path / "csv")]

    assert main(["report", saved, *arguments]) == 2
    assert "could not be written" in capsys.readouterr().err
    assert (tmp_path / "csv").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "there is no such directory"),
        (["nowhere", "--check", "p99 = 1"], "write == for 'equals'"),
        (["nowhere", "--chekc", "p99"], "No such option"),
    ],
)
def test_what_cannot_be_done_is_exit_2(arguments, said, capsys):
    assert main(["report", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_terminal_that_knows_no_micro_sign_is_no_reason_to_fail(saved):
    done = subprocess.run(
        [sys.executable, "-m", "murmur", "report", saved, "--check", "p99(nap) < 5us"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )

    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
