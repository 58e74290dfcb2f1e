"""The reference page has a heading, the usage and the example of each verb."""

from __future__ import annotations

from pathlib import Path

import pytest

from murmur.jupyter._verbs import VERBS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "magics.md"


@pytest.mark.parametrize("verb", VERBS.values(), ids=list(VERBS))
def test_a_verb_has_its_section(verb):
    _, heading, rest = PAGE.read_text(encoding="utf-8").partition(f"\n### {verb.name}\n")
    section = rest.partition("\n### ")[0]

    assert heading
    assert verb.usage in section
    assert verb.example in section


def test_no_section_is_about_a_verb_that_is_gone():
    headings = [
        line.removeprefix("### ")
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("### ")
    ]

    assert headings == list(VERBS)
