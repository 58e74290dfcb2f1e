"""Every behaviour that amoc's suites check has a test here, or a line that says why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

SUITES = {
    "SCN": 4, "CTL": 22, "USR": 7, "LOC": 6, "DST": 4, "ATT": 5, "ENV": 4, "CFG": 12, "VER": 4,
    "THR": 24, "COO": 8, "INT": 12,
}  # fmt: skip
LABELS = [f"{suite}-{n}" for suite, last in SUITES.items() for n in range(1, last + 1)]


def covered(text: str) -> set[str]:
    """Return the labels that `text` names, one by one or as "CTL-13 to CTL-16"."""
    found = set(re.findall(r"\b[A-Z]{3}-\d+\b", text))
    for suite, first, last in re.findall(r"\b([A-Z]{3})-(\d+) to \1-(\d+)", text):
        found |= {f"{suite}-{n}" for n in range(int(first), int(last) + 1)}
    return found


@pytest.fixture(scope="module")
def tested() -> set[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    return covered("\n".join(path.read_text(encoding="utf-8") for path in files))


@pytest.fixture(scope="module")
def explained() -> set[str]:
    files = (ROOT / "docs").rglob("*.md")
    rows = (line for path in files for line in path.read_text(encoding="utf-8").splitlines())
    return covered("\n".join(row for row in rows if row.startswith("|")))


@pytest.mark.parametrize("label", LABELS)
def test_a_label_has_a_test_or_a_reason(label: str, tested: set[str], explained: set[str]) -> None:
    assert label in tested | explained


def test_ranges_of_labels_are_understood() -> None:
    assert covered("VER-1 to VER-3, ATT-9.") == {"VER-1", "VER-2", "VER-3", "ATT-9"}
