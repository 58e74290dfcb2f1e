"""Outcome of a run, as a person, a program and a CI server want it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

from murmur.results import Summary
from murmur.results.archive import write_text
from murmur.results.checks import CheckResult, Checks
from murmur.telemetry import one_line

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
        is_bad = self.checks.failed or self.aborted_by or self._success_is_missing
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
    def _checked(self) -> str:
        """What came of the checks, whether or not they can be trusted."""
        if self.aborted_by:
            return f"--abort-on ended the run: {'; '.join(self._causes())}"
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
            "aborted_by": self._causes(),
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

    def _causes(self) -> list[str]:
        return [f"{each.check} ({each.value_text})" for each in self.aborted_by]


# What XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(outcome: Outcome, path: Path) -> Path:
    """Write what came of every check, and whether the run is valid, to a file."""
    summary = outcome.summary
    suite = ElementTree.Element("testsuite", name=f"murmur {summary.scenario}".strip())
    state = "invalid" if outcome.invalid else summary.verdict.state
    properties = ElementTree.SubElement(suite, "properties")
    ElementTree.SubElement(properties, "property", name="verdict", value=state)
    valid = _case(suite, outcome, "the run is valid", summary.elapsed)
    if outcome.signal or outcome.invalid or (outcome.suspect and outcome.is_strict):
        ElementTree.SubElement(valid, "error", message=_text(outcome.sentence))
    elif outcome.suspect or outcome.remarks:
        said = f"suspect: {outcome.suspect}" if outcome.suspect else f"valid: {outcome.remarks}"
        ElementTree.SubElement(valid, "system-out").text = _text(said)
    for each in outcome.aborted_by:
        case = _case(suite, outcome, f"never: {each.check}")
        ElementTree.SubElement(case, "failure", message=_text(f"{each.value_text} {each.reason}"))
    for each in outcome.checks:
        case = _case(suite, outcome, str(each.check))
        if not each.holds:
            said = f"{each.value_text} {f'({each.reason})' if each.reason else ''}".strip()
            ElementTree.SubElement(case, "failure", message=_text(said)).text = _text(str(each))
    counted = {kind: len(suite.findall(f"testcase/{kind}")) for kind in ("failure", "error")}
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(counted["failure"]))
    suite.set("errors", str(counted["error"]))
    suite.set("time", f"{summary.elapsed:.3f}")
    ElementTree.SubElement(suite, "system-out").text = _text(repr(summary))
    write_text(path, ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n")
    return path


def _case(
    suite: ElementTree.Element, outcome: Outcome, name: str, seconds: float = 0.0
) -> ElementTree.Element:
    return ElementTree.SubElement(
        suite,
        "testcase",
        classname=_text(outcome.summary.scenario or "murmur"),
        name=_text(one_line(name)),
        time=f"{seconds:.3f}",
    )


def _text(text: str) -> str:
    return _NOT_XML.sub("?", text)
