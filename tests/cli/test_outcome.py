"""What a run came to, and which exit code that is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from murmur._cli._outcome import Outcome
from murmur.results import Verdict

SUSPECT = Verdict("suspect", ("The generator was saturated for 9 of 100 s.",))
REMARKED = Verdict("valid", ("No action ended.",))
INVALID = Verdict("invalid", ("The generator was saturated in 9 of 10 windows.",))


def outcome(results, *checks: str, **changes) -> Outcome:
    summary = results.summary()
    users = changes.pop("users", None)
    verdict = changes.pop("verdict", None)
    if users is not None:
        summary = replace(summary, users=users)
    if verdict is not None:
        summary = replace(summary, verdict=verdict)
    return Outcome(summary=summary, checks=results.check(*checks), **changes)


@pytest.mark.parametrize(
    ("checks", "changes", "code", "sentence"),
    [
        ((), {}, 0, "nothing was checked"),
        (("failed == 1",), {}, 0, "all checks hold"),
        (("failed == 0", "count > 1"), {}, 1, "1 of 2 checks failed"),
        (("failed == 1",), {"verdict": INVALID}, 3, "the run is invalid: The generator"),
        (("failed == 0",), {"verdict": INVALID}, 3, "the run is invalid"),
        ((), {"users": {"failed": 5}}, 1, "every user failed"),
        ((), {"users": {"failed": 5, "dropped": 2}}, 1, "every user failed"),
        ((), {"users": {"dropped": 2}}, 0, "nothing was checked"),
        ((), {"users": {"failed": 5, "left": 1}}, 0, "nothing was checked"),
        (("failed == 1",), {"verdict": SUSPECT}, 0, "all checks hold; the run is suspect: The gen"),
        (("failed == 0",), {"verdict": SUSPECT}, 1, "1 of 1 checks failed; the run is suspect"),
        (("failed == 1",), {"verdict": SUSPECT, "is_strict": True}, 3, "suspect (--strict): The"),
        (("failed == 1",), {"verdict": INVALID, "is_strict": True}, 3, "the run is invalid"),
        (("failed == 1",), {"is_strict": True}, 0, "all checks hold"),
        ((), {"verdict": REMARKED}, 0, "nothing was checked; note: No action ended."),
        ((), {"failure": "no answer"}, 3, "the run is invalid: no answer"),
        (("failed == 0",), {"signal": 130, "verdict": INVALID}, 130, "interrupted"),
        ((), {"signal": 143}, 143, "interrupted"),
    ],
)
def test_the_highest_code_that_applies_counts(results, checks, changes, code, sentence):
    found = outcome(results, *checks, **changes)

    assert found.exit_code == code
    assert sentence in found.sentence


def test_a_run_in_which_no_action_succeeded_is_no_success_unless_a_check_asked_for_that(results):
    all_failed = [replace(each, failed=each.count) for each in results.summary().actions]
    summary = replace(results.summary(), actions=tuple(all_failed))
    unchecked = Outcome(summary=summary, checks=results.check())
    checked = Outcome(summary=summary, checks=results.check("failed == 1"))

    assert (unchecked.exit_code, unchecked.sentence) == (1, "every action failed")
    assert (checked.exit_code, checked.sentence) == (0, "all checks hold")


def test_what_ended_the_run_fails_it(results):
    found = outcome(results, aborted_by=tuple(results.check("failed > 0")))

    assert found.exit_code == 1
    assert found.sentence == "--abort-on ended the run: failed > 0 (1)"

    untrusted = outcome(results, aborted_by=found.aborted_by, verdict=INVALID)

    assert untrusted.exit_code == 3
    assert untrusted.sentence.startswith("--abort-on ended the run: failed > 0 (1); the run is inv")


def test_the_text_ends_with_code_and_reason(results):
    lines = "\n".join(outcome(results, "failed == 0").lines()).splitlines()

    assert lines[0].startswith("Nap r1, seed 7")
    assert "  FAILED  failed == 0  1  1 of 200 actions" in lines
    assert lines[-1] == "exit 1: 1 of 1 checks failed"


def test_a_program_gets_everything_as_json(results):
    found = outcome(results, "failed == 0", "p99(x) < 1", "rate < inf")
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))

    assert plain["exit_code"] == 1
    assert plain["reason"] == "2 of 3 checks failed"
    assert [check["holds"] for check in plain["checks"]] == [False, False, True]
    assert plain["actions"][0]["count"] == 200
    assert plain["aborted_by"] == []
