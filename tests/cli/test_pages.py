"""What the pages tell people to type can be typed."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from murmur._cli._commands import murmur
from murmur._cli._file import read_file
from murmur.errors import InvalidCheckError
from murmur.results import parse_check
from murmur.results.checks import parse_difference

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [
    *(DOCS / "how-to").glob("*.md"),
    DOCS / "reference/checks.md",
    DOCS / "reference/command-line.md",
]
TEXT = {page.name: page.read_text(encoding="utf-8") for page in sorted(PAGES)}


def blocks(kind: str) -> list[tuple[str, str]]:
    """Return (page, block) of every fenced block of a kind."""
    fence = re.compile(rf"^```{kind}\n(.*?)^```", re.DOTALL | re.MULTILINE)
    return [(page, block) for page, text in TEXT.items() for block in fence.findall(text)]


def commands() -> list[tuple[str, str]]:
    """Return every line of shell, or of a pipeline, that calls murmur."""
    lines = []
    for kind in ("bash", "yaml"):
        for page, block in blocks(kind):
            for line in block.replace("\\\n", " ").splitlines():
                found = re.search(r"(?:^|- run: |- )(murmur .+)$", line.strip())
                if found:
                    lines.append((page, found[1]))
    return lines


@pytest.mark.parametrize(("page", "line"), commands())
def test_every_command_on_the_pages_is_one(page, line):
    words = shlex.split(re.sub(r" (> ~|\| ).*", "", line), comments=True)[1:]
    with click.Context(murmur, info_name="murmur", **murmur.context_settings) as parent:
        command = murmur.get_command(parent, words[0])
        context = command.make_context(words[0], words[1:], parent=parent, resilient_parsing=False)

    for text in (*(context.params.get("check") or ()), *(context.params.get("abort_on") or ())):
        assert parse_check(text)
    for text in context.params.get("fail_if") or ():
        assert parse_difference(text)


@pytest.mark.parametrize(("page", "block"), blocks("toml"))
def test_every_file_on_the_pages_is_read(page, block, tmp_path):
    if "[project]" in block or "[tool" in block:
        pytest.skip("no file for murmur")
    path = tmp_path / "run.toml"
    path.write_text(block, encoding="utf-8")
    found = read_file(path)

    assert found["scenario"] == str(tmp_path / tomllib.loads(block)["scenario"])
    assert all(map(parse_check, [*found.get("check", ()), *found.get("abort_on", ())]))


@pytest.mark.parametrize(("page", "block"), blocks("yaml"))
def test_every_pipeline_on_the_pages_is_yaml(page, block):
    assert yaml.safe_load(block)


@pytest.mark.parametrize("word", ["p99(", "failed <", "rate(", "count(", "users("])
def test_sentences_in_plain_blocks_are_checks(word):
    found = [
        line
        for page in ("check-objectives.md", "checks.md")
        for _, block in [each for each in blocks("text") if each[0] == page]
        for line in block.splitlines()
        if line.startswith(word)
    ]

    assert all(map(parse_check, found))


def test_the_error_on_the_page_is_the_one_that_comes():
    with pytest.raises(InvalidCheckError) as caught:
        parse_check("p99(echo) = 0.2")

    assert f"```text\n{caught.value}\n```" in TEXT["checks.md"]


def test_every_statistic_and_clause_has_its_place_in_the_reference():
    page = TEXT["checks.md"]

    for word in ("p50", "mean", "min", "max", "service_p99", "count", "rate", "failed", "users"):
        assert f"`{word}`" in page
    for clause in ("after 30s", "before 5m", "in every 10s window", "in any 10s window"):
        assert f"| `{clause}` |" in page
