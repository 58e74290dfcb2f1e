"""Outcome of a run, as a person, a program and a CI server want it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isnan

from murmur.results import Summary
from murmur.results.checks import CheckResult, Checks

from ._codes import ALL_HOLD, CHECK_FAILED, INVALID, REFUSED


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What is known when a run is over, or a saved one was read.

    Attributes
    ----------
    summary : Summary
        Users, actions and verdict.
    checks : Checks
        What came of each check; may be empty.
    aborted_by : tuple of CheckResult
        What ended the run before its time; empty if nothing did.
    watched : tuple of CheckResult
        What should have ended the run, and did not, as it stands at the end.
    failure : str
        Why the run did not end in order; empty if it did.
    signal : int
        Exit code of the signal that ended the run; 0 if none did.
    is_strict : bool
        Whether a suspect run is as bad as an invalid one.
    is_unwritten : bool
        Whether a file that was asked for could not be written.
    """

    summary: Summary
    checks: Checks
    aborted_by: tuple[CheckResult, ...] = ()
    watched: tuple[CheckResult, ...] = ()
    failure: str = ""
    signal: int = 0
    is_strict: bool = False
    is_unwritten: bool = False

    @property
    def invalid(self) -> str:
        """Why nothing that was measured can be trusted; empty if it can."""
        return self.failure or self._reasons("invalid")

    @property
    def suspect(self) -> str:
        """Why to look twice at what was measured; empty if there is no need to."""
        return self._reasons("suspect")

    @property
    def remarks(self) -> str:
        """What there is to say of a valid run all the same; empty if nothing is."""
        return self._reasons("valid")

    def _reasons(self, state: str) -> str:
        verdict = self.summary.verdict
        return " ".join(verdict.reasons) if verdict.state == state else ""

    @property
    def exit_code(self) -> int:
        """The exit code: the highest of those that apply, a file that is missing aside."""
        if self.signal:
            return self.signal
        if self.is_unwritten:
            return REFUSED
        if self.invalid or (self.suspect and self.is_strict):
            return INVALID
        is_bad = self.checks.failed or self.aborted_by or self.came_true or self._success_is_missing
        return CHECK_FAILED if is_bad else ALL_HOLD

    @property
    def sentence(self) -> str:
        """What the exit code means here."""
        if self.signal:
            return "the run was interrupted"
        if self.is_unwritten:
            return f"a file could not be written; {replace(self, is_unwritten=False).sentence}"
        if self.invalid:
            ended = f"{self._checked}; " if self.aborted_by else ""
            return f"{ended}the run is invalid: {self.invalid}"
        if self.suspect:
            strictly = " (--strict)" if self.is_strict else ""
            return f"{self._checked}; the run is suspect{strictly}: {self.suspect}"
        return f"{self._checked}; note: {self.remarks}" if self.remarks else self._checked

    @property
    def came_true(self) -> tuple[CheckResult, ...]:
        """What should have ended the run, and held when it was over: seen too late."""
        return tuple(each for each in self.watched if each.holds)

    @property
    def unjudged(self) -> tuple[CheckResult, ...]:
        """What should have ended the run, and never had anything to judge."""
        return tuple(each for each in self.watched if isnan(each.value))

    @property
    def _checked(self) -> str:
        """What came of the checks, whether or not they can be trusted."""
        blind = [f"--abort-on {each.check} had nothing to judge" for each in self.unjudged]
        return "; ".join([self._judged, *blind])

    @property
    def _judged(self) -> str:
        if self.aborted_by:
            return f"--abort-on ended the run: {_causes(self.aborted_by)}"
        if self.came_true:
            return f"--abort-on came true as the run ended: {_causes(self.came_true)}"
        if self.checks.failed:
            return f"{len(self.checks.failed)} of {len(self.checks)} checks failed"
        if self._success_is_missing:
            return self._success_is_missing
        return "all checks hold" if len(self.checks) else "nothing was checked"

    def lines(self) -> Iterator[str]:
        """Yield the summary, the checks and what it comes to, as text."""
        yield repr(self.summary)
        if len(self.checks):
            yield ""
            yield str(self.checks)
        yield ""
        yield f"exit {self.exit_code}: {self.sentence}"

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain values that JSON can hold."""
        return {
            **self.summary.to_dict(),
            "checks": self.checks.to_dict(),
            "aborted_by": [_cause(each) for each in self.aborted_by],
            "came_true": [_cause(each) for each in self.came_true],
            "unjudged": [f"{each.check} ({each.reason})" for each in self.unjudged],
            "exit_code": self.exit_code,
            "reason": self.sentence,
        }

    @property
    def _success_is_missing(self) -> str:
        """That nothing went well, if so: no success, whatever was checked of users.

        Checks may ask that all actions fail, as those of a server that is down.
        """
        if set(self.summary.users) - {"dropped"} == {"failed"}:
            return "every user failed"
        actions = self.summary.actions
        if actions and not len(self.checks) and all(each.failed == each.count for each in actions):
            return "every action failed"
        return ""


def _cause(result: CheckResult) -> str:
    return f"{result.check} ({result.value_text})"


def _causes(results: tuple[CheckResult, ...]) -> str:
    return "; ".join(map(_cause, results))
