"""The page for assistants does what it says, and ``llms.txt`` leads to pages that are there."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from murmur._cli import main
from murmur.testing import shop_process

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "how-to" / "write-with-an-assistant.md").read_text(encoding="utf-8")
INDEX = (DOCS / "llms.txt").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the files of the page, which is where the test is."""
    for block in blocks("python"):
        (name,) = re.findall(r'^"""(\w+\.py):', block)
        (tmp_path / name).write_text(block, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_rehearsal_passes(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, *shlex.split(blocks("bash")[0])[1:], "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_the_lines_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    describe, run, report = blocks("bash")[1].splitlines()
    with shop_process(connections=200) as shop:
        assert main(shlex.split(describe)[1:]) == 0
        assert json.loads(capsys.readouterr().out)["name"] == "Shop"
        arguments = shlex.split(run.replace("http://127.0.0.1:8000", shop.url))[1:]
        arguments[arguments.index("30s")] = "2s"
        arguments[arguments.index("10/s")] = "50/s"
        code = main(arguments)
    told = json.loads(capsys.readouterr().out)

    assert code in (0, 3)  # 3: this machine is busy with other things
    assert [check["check"] for check in told["checks"] if check["holds"]][:1] == ["failed < 1%"]
    assert main(shlex.split(report)[1:]) in (0, 3)
    assert json.loads(capsys.readouterr().out)["run_id"] == told["run_id"]


def test_every_code_of_the_table_is_one() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d) \|", PAGE, re.MULTILINE)}

    assert listed == {0, 1, 2, 3}


def test_the_index_has_the_form_that_assistants_expect() -> None:
    """A title, a quotation that sums it up, then lists of links: https://llmstxt.org."""
    lines = [line for line in INDEX.splitlines() if line]

    assert lines[0].startswith("# ")
    assert lines[1].startswith("> ")


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]+)\)", INDEX))
def test_a_link_of_the_index_leads_to_a_page(link: str) -> None:
    assert (DOCS / link).is_file()
