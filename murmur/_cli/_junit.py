"""Checks as JUnit XML, which every CI server shows: one test for each check."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from murmur.results.archive import write_text

if TYPE_CHECKING:
    from ._outcome import Outcome

from murmur.telemetry import one_line

__all__ = ["write_junit"]

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
