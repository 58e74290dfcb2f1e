"""CI servers see one test for each check."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from murmur._cli import main
from murmur._cli._junit import Outcome, write_junit
from murmur.results import Verdict


def suite(outcome: Outcome, tmp_path: Path) -> ElementTree.Element:
    return ElementTree.parse(write_junit(outcome, tmp_path / "deep" / "j.xml")).getroot()


def test_every_check_is_a_test(results, tmp_path):
    checks = results.check("p99(nap) < 200ms", "failed == 0", "count(\x00<&>) == 1")
    found = suite(Outcome(summary=results.summary(), checks=checks), tmp_path)

    names = [case.get("name") for case in found.iter("testcase")]
    failures = [failure.get("message") for failure in found.iter("failure")]
    assert names == ["the run is valid", "p99(nap) < 200ms", "failed == 0", r"count(\x00<&>) == 1"]
    assert failures[0] == "1 (1 of 200 actions)"
    assert "no action is called" in failures[1]
    assert (found.get("tests"), found.get("failures"), found.get("errors")) == ("4", "2", "0")
    assert "Nap r1" in found.findtext("system-out")


def test_an_invalid_run_is_an_error(results, tmp_path):
    summary = replace(results.summary(), verdict=Verdict("invalid", ("Too slow.",)))
    found = suite(Outcome(summary=summary, checks=results.check()), tmp_path)

    assert found.get("errors") == "1"
    assert found.find("testcase/error").get("message") == "the run is invalid: Too slow."


def test_remarks_stand_at_the_valid_run(results, tmp_path):
    summary = replace(results.summary(), verdict=Verdict("valid", ("No action ended.",)))
    outcome = Outcome(summary=summary, checks=results.check())

    found = ElementTree.parse(write_junit(outcome, tmp_path / "junit.xml")).getroot()

    assert found.find("testcase/system-out").text == "valid: No action ended."


def test_what_ended_the_run_is_a_failure(results, tmp_path):
    aborted_by = tuple(results.check("failed > 0"))
    found = suite(
        Outcome(summary=results.summary(), checks=results.check(), aborted_by=aborted_by), tmp_path
    )

    assert found.get("failures") == "1"
    assert found.findall("testcase")[1].get("name") == "never: failed > 0"


def test_what_should_have_ended_the_run_is_a_test_as_well(results, tmp_path):
    watched = tuple(results.check("failed > 50%", "p99(knap) > 1s"))
    outcome = Outcome(summary=results.summary(), checks=results.check(), watched=watched)
    found = suite(outcome, tmp_path)

    cases = {case.get("name"): [part.tag for part in case] for case in found.iter("testcase")}
    assert cases["never: failed > 50%"] == []
    assert cases["never: p99(knap) > 1s"] == ["skipped"]
    assert "no action is called 'knap'" in found.find("testcase/skipped").get("message")
    assert found.get("skipped") == "1"
    assert outcome.sentence.endswith("--abort-on p99(knap) > 1s had nothing to judge")
    assert outcome.to_dict()["unjudged"][0].startswith("p99(knap) > 1s (no action is called")


def test_what_came_true_too_late_to_end_the_run_is_a_failure(results, tmp_path):
    watched = tuple(results.check("count(nap) > 50", "failed > 50%"))
    outcome = Outcome(summary=results.summary(), checks=results.check(), watched=watched)
    found = suite(outcome, tmp_path)

    assert (found.get("failures"), found.get("tests")) == ("1", "3")
    assert found.find("testcase/failure").get("message").startswith("200")
    assert outcome.exit_code == 1
    assert outcome.sentence == ("--abort-on came true as the run ended: count(nap) > 50 (200)")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "nap.py:Knap", "--junit", "j.xml"], "has no 'Knap' (scenarios there: Nap)"),
        (["run", "nap.py", "--junit=j.xml", "--chek", "failed == 0"], "No such option '--chek'"),
        (["run", "nap.py", "--junit", "j.xml", "--check", "p99(nap <"], "( is not closed"),
        (["run", "nap.py", "--junit", "j.xml", "--set", "port=none"], "port"),
        (["run", "--config", "run.toml"], "no key 'usrs'; did you mean 'users'?"),
        (["report", "nowhere", "--junit", "j.xml"], "there is no such directory"),
        (["replay", "nowhere", "--junit", "j.xml"], "there is no such directory"),
    ],
)
def test_a_refusal_replaces_what_an_older_run_left(scenario, monkeypatch, words, said):
    monkeypatch.chdir(scenario.parent)
    Path("run.toml").write_text('scenario = "nap.py"\njunit = "j.xml"\nusrs = 3\n', "utf-8")
    Path("j.xml").write_text('<testsuite tests="1" failures="0" errors="0" />', "utf-8")

    assert main(words) == 2
    found = ElementTree.parse("j.xml").getroot()
    assert (found.get("tests"), found.get("errors")) == ("1", "1")
    assert said in found.find("testcase/error").get("message")


def test_a_run_that_cannot_begin_is_an_error(scenario, monkeypatch):
    monkeypatch.chdir(scenario.parent)
    broken = "import murmur\nclass A(murmur.Scenario):\n    def start(self, user): pass\n"
    Path("broken.py").write_text(
        f"{broken}    def init(self): raise OSError('no route')\n", "utf-8"
    )

    assert main(["run", "broken.py", "-u", "1", "--junit", "deep/j.xml"]) == 2
    error = ElementTree.parse("deep/j.xml").getroot().find("testcase/error")
    assert "init failed on node local: OSError: no route" in error.get("message")


def test_a_refusal_that_cannot_be_written_is_told(scenario, monkeypatch, capsys):
    monkeypatch.chdir(scenario.parent)

    assert main(["run", "nap.py:Knap", "--junit", "nap.py/j.xml"]) == 2
    said = capsys.readouterr().err
    assert "has no 'Knap'" in said
    assert "could not be written" in said
    assert "Traceback" not in said
