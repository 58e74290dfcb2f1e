"""Load tests are ordinary tests, under plain pytest and beside xdist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

LOAD_TESTS = '''
import math
import murmur
import pytest

class Nap(murmur.Scenario):
    """Users nap once."""
    async def start(self, user):
        with user.timer("nap"):
            await user.sleep(0.05)

def naps(session):
    run = session.do(Nap, 3, seed=7, user_rate=math.inf, end_when_idle=True)
    run.wait(timeout=60)
    return run.results

def test_holds(murmur_session):
    naps(murmur_session).check("p50(nap) > 40ms", "failed == 0", even_if_invalid=True).require()

def test_fails(murmur_session):
    assert naps(murmur_session).check("p50(nap) < 1ms", "failed == 0", even_if_invalid=True)

def test_requires(murmur_session):
    naps(murmur_session).check("count(napp) == 3", even_if_invalid=True).require()

@pytest.mark.murmur(callback_timeout=30)
def test_has_a_session_of_its_own(murmur_session):
    assert murmur_session.run is None
    murmur_session.do(Nap, 1)

def test_is_no_load_test():
    pass

def test_forgets_to_run(murmur_session):
    assert murmur_session.run is None
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "test_load.py").write_text(LOAD_TESTS, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    return tmp_path


def pytest_in(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "pytest", "-p", "no:randomly", *arguments]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    return done.stdout + done.stderr


def test_the_report_of_a_failed_test_has_the_table_and_the_seed(folder):
    output = pytest_in(folder, "--junitxml=j.xml")

    assert "2 failed, 4 passed" in output
    assert "test_forgets_to_run has murmur_session and started no run" in output
    assert output.count("started no run") == 1
    took = re.search(
        r"AssertionError: assert <1 of 2 checks failed; p50\(nap\) < 1ms: (\d+)", output
    )
    assert took is not None
    assert int(took[1]) >= 50
    assert "- murmur checks -" in output
    assert f"  FAILED  p50(nap) < 1ms  {took[1]}" in output
    assert "no action is called 'napp'; did you mean 'nap'?" in output
    assert "; repeat it with seed=7" in output
    properties = ElementTree.parse(folder / "j.xml").getroot().iter("property")
    assert "failed == 0: holds, 0 (0 of 3 actions)" in [each.get("value") for each in properties]


def test_load_tests_can_be_left_out(folder):
    output = pytest_in(folder, "-m", "not murmur")

    assert "1 passed, 5 deselected" in output


OTHER_TESTS = '''
import math
import time
import murmur
import pytest

class Refused(murmur.Scenario):
    """Users find nobody."""
    async def start(self, user):
        raise ConnectionRefusedError("nobody listens")

class Held(murmur.Scenario):
    """A user holds the loop."""
    async def start(self, user):
        time.sleep(2)

@pytest.fixture(scope="module")
def shared():
    with murmur.Session() as session:
        run = session.do(Refused, 3, user_rate=math.inf, end_when_idle=True)
        run.wait(timeout=60)
        yield run.results

@pytest.mark.murmur
def test_of_a_run_that_several_share(shared):
    assert shared.check("users(failed) == 0", even_if_invalid=True)

def test_with_nobody_there(murmur_session):
    run = murmur_session.do(Refused, 3, user_rate=math.inf, end_when_idle=True)
    run.wait(timeout=60)
    assert run.results.check("failed == 0", even_if_invalid=True)

def test_without_a_check(murmur_session):
    murmur_session.do(Held, 1, user_rate=math.inf, end_when_idle=True).wait(timeout=60)

def test_with_an_empty_list(murmur_session):
    run = murmur_session.do(Refused, 3, user_rate=math.inf, end_when_idle=True)
    run.wait(timeout=60)
    assert run.results.check(*[], even_if_invalid=True)

def test_without_a_check_and_a_server(murmur_session):
    murmur_session.do(Refused, 3, user_rate=math.inf, end_when_idle=True).wait(timeout=60)
'''


def test_a_report_says_what_the_run_came_to_and_what_proves_nothing(folder):
    (folder / "test_load.py").write_text(OTHER_TESTS, encoding="utf-8")
    output = pytest_in(folder, "--junitxml=j.xml")

    assert "2 failed, 3 passed" in output
    assert output.count("- murmur checks -") == 2  # of the run that several share, too
    assert output.count("- murmur run -") == 1
    assert "no action was recorded" in output
    assert "users: 3 failed\n  3 users failed: ConnectionRefusedError: nobody listens" in output
    assert "test_without_a_check made no check, which would have failed: its run is" in output
    assert "test_with_an_empty_list called check() without a check" in output
    assert "and_a_server made no check, " in output  # whatever else a busy machine makes of it
    properties = ElementTree.parse(folder / "j.xml").getroot().iter("property")
    assert any("users(failed) == 0: failed, 3" in each.get("value") for each in properties)


GROUPS = """
def pytest_collection_finish(session):
    groups = [[mark.args for mark in item.iter_markers("xdist_group")] for item in session.items]
    with open("groups.txt", "a") as file:
        file.write(f"{groups}\\n")
"""


def test_tests_are_spread_by_xdist(folder):
    pytest.importorskip("xdist")
    (folder / "conftest.py").write_text(GROUPS, encoding="utf-8")
    output = pytest_in(folder, "-n", "2", "--dist", "loadgroup", "-v", "-k", "fails or has_a")

    assert "1 failed, 1 passed" in output
    assert "FAILED  p50(nap) < 1ms" in output
    # Load tests share a group; what becomes of it is up to xdist.
    assert "[[('murmur',)], [('murmur',)]]" in (folder / "groups.txt").read_text(encoding="utf-8")


def test_half_a_character_in_a_check_stops_neither_xdist_nor_junit(folder):
    pytest.importorskip("xdist")
    checked = """
from murmur.testing import rehearse
from test_naps import Nap

def test_odd():
    assert not rehearse(Nap, 1).check("count(\\ud800) > 0")
"""
    (folder / "test_naps.py").write_text(LOAD_TESTS, encoding="utf-8")
    (folder / "test_load.py").write_text(checked, encoding="utf-8")

    output = pytest_in(folder, "-n", "1", "--junitxml=found.xml", "-k", "odd")

    assert "1 passed" in output
    told = ElementTree.parse(folder / "found.xml").find(".//property")
    assert told is not None
    assert told.get("value", "").startswith(r"count(\ud800) > 0: failed")


def test_a_test_that_is_marked_by_hand_is_in_the_group_as_well(folder):
    pytest.importorskip("xdist")
    (folder / "conftest.py").write_text(GROUPS, encoding="utf-8")
    (folder / "test_load.py").write_text(
        "import pytest\n@pytest.mark.murmur\ndef test_alone():\n    pass\n", encoding="utf-8"
    )
    pytest_in(folder, "-n", "1", "--dist", "loadgroup")

    assert "[[('murmur',)]]" in (folder / "groups.txt").read_text(encoding="utf-8")


def test_the_how_to_works_as_it_stands(folder):
    page = (Path(__file__).parents[2] / "docs/how-to/write-load-tests-with-pytest.md").read_text()
    block = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[0]
    (folder / "test_load.py").write_text(block, encoding="utf-8")

    output = pytest_in(folder, "-m", "murmur")
    assert "1 passed" in output or "by other programs" in output  # a run on a busy machine fails


def test_nothing_of_murmur_is_imported_for_other_peoples_tests(folder):
    (folder / "test_load.py").write_text(
        "import sys\ndef test():\n    assert 'murmur.runtime' not in sys.modules\n"
    )

    assert "1 passed" in pytest_in(folder)
