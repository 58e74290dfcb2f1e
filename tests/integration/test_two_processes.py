"""Two processes share the suite by whole modules, and one is enough."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
SETTINGS = """
[pytest]
testpaths = one
addopts = --import-mode=importlib -p no:cacheprovider
filterwarnings = error
"""
TESTS = """
import os, pytest

@pytest.mark.parametrize("number", range(20))
def test_says_who_runs_it(number):
    with open("who.txt", "a") as file:
        file.write(f"{__file__} {os.getpid()}\\n")
"""


def hook() -> str:
    """Return what decides, without all that the tests of murmur import: that takes seconds."""
    text = CONFTEST.read_text(encoding="utf-8")
    (node,) = [
        node
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef) and node.name == "pytest_cmdline_main"
    ]
    return f"@pytest.hookimpl(tryfirst=True)\n{ast.get_source_segment(text, node)}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "conftest.py").write_text(f"import pytest\n\n{hook()}", encoding="utf-8")
    for name in ("a", "b"):
        (tmp_path / "one" / f"test_{name}.py").write_text(TESTS, encoding="utf-8")
    return tmp_path


def who_ran(folder: Path, *arguments: str) -> tuple[set[str], set[tuple[str, ...]]]:
    """Return the processes that ran tests of `folder`, and those of each file."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=folder,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed in " in done.stdout.splitlines()[-1]  # nothing comes behind the summary
    who = folder / "who.txt"
    pairs = {tuple(line.split()) for line in who.read_text(encoding="utf-8").splitlines()}
    who.unlink()
    return {process for _, process in pairs}, pairs


def test_two_share_it_and_no_module_is_torn_apart(folder: Path) -> None:
    processes, pairs = who_ran(folder, "-p", "xdist", "-n", "2")

    assert len(processes) == len(pairs) == 2  # one for each file


@pytest.mark.parametrize("arguments", [("-p", "xdist"), ("-p", "no:xdist")], ids=" ".join)
def test_one_process_is_enough(folder: Path, arguments: tuple[str, ...]) -> None:
    processes, pairs = who_ran(folder, *arguments)

    assert (len(processes), len(pairs)) == (1, 2)
