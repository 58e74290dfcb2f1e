"""CI servers see one test for each check."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from murmur._cli._outcome import Outcome, write_junit
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
