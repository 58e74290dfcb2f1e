"""Links of the pages, as they stand in the clone, lead to files and headings that are there."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "docs/llms.txt", "binder/badge.md")),
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page.parent.name != "api"),
    *sorted((ROOT / "notebooks").glob("*.ipynb")),
]
SOURCES = [*PAGES, *sorted((ROOT / "murmur").rglob("*.py"))]

FENCE = re.compile(r"^(`{3,}|:{3,}).*?^\1$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
ROLE = re.compile(r"\{download\}`(?:[^`<]*<)?([^`>]+)>?`")
FILE = re.compile(r"`((?:tests|docs(?!/_build)|findings|notebooks|binder|\.ci)/[\w./*-]*\w)[`:]")
OUTSIDE = re.compile(r"[a-z]+:|//")

BY_THE_BUILD = {"frame-health"}
"""Headings that a directive makes; Sphinx looks at them, and at ``api/``, when it builds."""


@cache
def text_of(page: Path) -> str:
    """Return what is written on a page, without blocks of code."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells)
    return FENCE.sub("", text)


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and Sphinx make them."""
    found: set[str] = set()
    for title in re.findall(r"^#{1,6} +(.+?)\s*#*$", text_of(page), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        later = (f"{slug}-{number}" for number in range(1, 100))
        found.add(next(each for each in (slug, *later) if each not in found))
    return found


def dead(page: Path, link: str) -> bool:
    """Return whether a link leads nowhere."""
    place, _, anchor = link.partition("#")
    target = (page.parent / place).resolve() if place else page
    if not target.exists():
        return target.parent != ROOT / "docs/reference/api"
    has_headings = target.suffix in {".md", ".ipynb"}
    return bool(anchor and has_headings and anchor not in anchors(target) | BY_THE_BUILD)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    text = text_of(page)
    links = [link for link in LINK.findall(text) if not OUTSIDE.match(link)]

    assert [link for link in [*links, *ROLE.findall(text)] if dead(page, link)] == []


def test_files_of_the_repository_that_are_named_are_there() -> None:
    named = {(page, name) for page in SOURCES for name in FILE.findall(page.read_text("utf-8"))}
    gone = {
        (page.relative_to(ROOT).as_posix(), name)
        for page, name in named
        if not any(ROOT.glob(name))
    }

    assert len(named) > 20
    assert gone == set()


def test_what_leads_nowhere_is_seen(tmp_path: Path) -> None:
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    page.write_text("# One\n\n## It's a `b`, twice\n\n## It's a `b`, twice\n", encoding="utf-8")
    other.write_text("```bash\n# no heading\n```\n", encoding="utf-8")

    assert anchors(page) == {"one", "its-a-b-twice", "its-a-b-twice-1"}
    for link in ("page.md#one", "#its-a-b-twice-1", "other.md"):
        assert not dead(page, link)
    for link in ("gone.md", "#two", "other.md#no-heading"):
        assert dead(page, link)
