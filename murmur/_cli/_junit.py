"""JUnit files: one test for each check, for CI servers, also of runs that came to nothing."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import isnan
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from murmur.errors import MurmurError
from murmur.results.archive import write_text
from murmur.results.checks import CheckResult
from murmur.telemetry import one_line

from ._outcome import Outcome

_VALID = "the run is valid"
_NOT_OVER = "the run is not over, or it was killed: nothing can be said of it"

# What XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(outcome: Outcome, path: Path) -> Path:
    """Write what came of every check, and whether the run is valid, to a file."""
    summary = outcome.summary
    suite = ElementTree.Element("testsuite", name=f"murmur {summary.scenario}".strip())
    state = "invalid" if outcome.invalid else summary.verdict.state
    properties = ElementTree.SubElement(suite, "properties")
    ElementTree.SubElement(properties, "property", name="verdict", value=state)
    valid = _case(suite, outcome, _VALID, summary.elapsed)
    if outcome.signal or outcome.invalid or (outcome.suspect and outcome.is_strict):
        ElementTree.SubElement(valid, "error", message=_text(outcome.sentence))
    elif outcome.suspect or outcome.remarks:
        said = f"suspect: {outcome.suspect}" if outcome.suspect else f"valid: {outcome.remarks}"
        ElementTree.SubElement(valid, "system-out").text = _text(said)
    for each in outcome.aborted_by:
        case = _case(suite, outcome, f"never: {each.check}")
        ElementTree.SubElement(case, "failure", message=_text(f"{each.value_text} {each.reason}"))
    for each in outcome.watched:
        _watched_case(suite, outcome, each)
    for each in outcome.checks:
        case = _case(suite, outcome, str(each.check))
        if not each.holds:
            said = f"{each.value_text} {f'({each.reason})' if each.reason else ''}".strip()
            ElementTree.SubElement(case, "failure", message=_text(said)).text = _text(str(each))
    _count(suite, summary.elapsed)
    ElementTree.SubElement(suite, "system-out").text = _text(repr(summary))
    return _written(suite, path)


def _watched_case(suite: ElementTree.Element, outcome: Outcome, result: CheckResult) -> None:
    """Add the test of what should have ended the run and did not."""
    case = _case(suite, outcome, f"never: {result.check}")
    if isnan(result.value):
        said = f"it had nothing to judge: {result.reason}"
        ElementTree.SubElement(case, "skipped", message=_text(said))
    elif result.holds:
        said = f"{result.value_text} {result.reason}"
        ElementTree.SubElement(case, "failure", message=_text(said))


def announce(path: Path | None) -> None:
    """Write that the run is not over yet: what kills murmur must not leave an older run's file.

    A device or a pipe is left alone, since it takes one file only.  What cannot be written is
    told when the run is over.
    """
    if path is not None and (path.is_file() or not path.exists()):
        with suppress(OSError, MurmurError):
            _write_error(path, _NOT_OVER)


def tell_refusal(arguments: Sequence[str], why: str) -> None:
    """Write to the file that `arguments` ask for, if they do, why there is no run to judge."""
    path = _wanted(arguments)
    if path is None or path.is_dir():
        return
    try:
        _write_error(path, why)
    except (OSError, MurmurError) as error:
        sys.stderr.write(f"murmur: {path} could not be written: {error}\n")
    else:
        sys.stderr.write(f"written: {path}\n")


def _wanted(arguments: Sequence[str]) -> Path | None:
    """Return the file that a command line asks for, even one that nobody can follow."""
    given: dict[str, str] = {}
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name in {"--junit", "--config"}:
            given[name] = value if equals else following
    if not given.get("--junit") and (config := given.get("--config")):
        with suppress(OSError, ValueError, RecursionError):  # which was told as the refusal
            filed: Mapping[str, Any] = tomllib.loads(Path(config).read_text(encoding="utf-8-sig"))
            if isinstance(kept := filed.get("junit"), str):
                return Path(config).parent / kept
    return Path(given["--junit"]) if given.get("--junit") else None


def _write_error(path: Path, why: str) -> None:
    """Write a file whose one test is an error."""
    suite = ElementTree.Element("testsuite", name="murmur")
    case = ElementTree.SubElement(suite, "testcase", classname="murmur", name=_VALID, time="0.000")
    ElementTree.SubElement(case, "error", message=_text(why))
    _count(suite, 0.0)
    _written(suite, path)


def _count(suite: ElementTree.Element, seconds: float) -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    for kind, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{kind}"))))
    suite.set("time", f"{seconds:.3f}")


def _written(suite: ElementTree.Element, path: Path) -> Path:
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
