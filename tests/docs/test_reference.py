"""The reference is complete, and speaks of nothing that is not there."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import murmur
from murmur import errors
from murmur._cli._commands import murmur as command_line
from murmur.jupyter import VERBS
from murmur.results import FRAMES
from murmur.results.checks import _text as _check_text
from murmur.telemetry import CATALOGUE

from ..syntax import tree_of

ROOT = Path(__file__).parents[2]
PAGES = [
    path
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if path.parent.name != "api"  # written by the build, from the docstrings
]
PUBLIC: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "murmur"
]["namespaces"]
# What a name stands for in the examples of all pages.
HANDLES = {
    "session": murmur.Session,
    "run": murmur.Run,
    "results": murmur.Results,
    "user": murmur.User,
    "murmur": murmur,
}


def aliases(name: str, value: object) -> Iterator[str]:
    """Yield every public name of `value`."""
    for module in PUBLIC:
        there = importlib.import_module(module)
        if name in there.__all__ and getattr(there, name) is value:
            yield f"{module}.{name}"


def options() -> dict[str, list[str]]:
    """Return the options of each command."""
    found = {}
    with click.Context(command_line) as context:
        for name in command_line.list_commands(context):
            command = command_line.get_command(context, name)
            assert command is not None
            found[f"murmur {name}"] = [
                option
                for parameter in command.params
                if isinstance(parameter, click.Option) and not parameter.hidden
                for option in (*parameter.opts, *parameter.secondary_opts)
            ]
    return found


def labels(described: dict[str, set[str]], kind: str) -> set[str]:
    """Return the names that have a heading with a label of that kind."""
    return {
        name.removeprefix(f"{kind}-")
        for name in described["std:label"]
        if name.startswith(f"{kind}-")
    }


def variables() -> set[str]:
    """Return the environment variables that the source names, or what they begin with."""
    return {
        node.value
        for path in (ROOT / "murmur").rglob("*.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant)
        and re.fullmatch(r"_?(AMOC|MURMUR)_[A-Z_]+", str(node.value))
    }


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_described(module: str, described: dict[str, set[str]]) -> None:
    found = {name for kind, names in described.items() if kind.startswith("py:") for name in names}
    there = importlib.import_module(module)
    missing = [
        name
        for name in getattr(there, "__all__", ())
        if not found & set(aliases(name, getattr(there, name)))
    ]

    assert missing == []


def test_every_python_name_that_is_described_is_there(described: dict[str, set[str]]) -> None:
    kinds = ("py:class", "py:function", "py:exception", "py:data", "py:method", "py:property")
    gone = []
    for name in sorted(name for kind in kinds for name in described.get(kind, ())):
        try:
            pkgutil.resolve_name(name)
        except (AttributeError, ImportError):
            gone.append(name)

    assert gone == []


def test_every_constant_is_described(site: Path) -> None:
    bare = []
    for module in PUBLIC:
        there = importlib.import_module(module)
        page = (site / "reference" / "api" / f"{module}.html").read_text(encoding="utf-8")
        for name in there.__all__:
            value = getattr(there, name)
            is_constant = not (inspect.isclass(value) or inspect.isroutine(value))
            if is_constant and f'id="{module}.{name}"' in page:
                said = page.partition(f'id="{module}.{name}"')[2].partition("<dd>")[2]
                if not said.partition("</dd>")[0].strip():
                    bare.append(f"{module}.{name}")

    assert bare == []


def test_every_error_is_described_and_no_other(described: dict[str, set[str]]) -> None:
    named = {name for name in described["py:exception"] if name.startswith("murmur.errors.")}

    assert named == {f"murmur.errors.{name}" for name in errors.__all__}


def test_every_event_is_described_and_no_other(described: dict[str, set[str]]) -> None:
    assert described["std:event"] == set(CATALOGUE)


def test_every_verb_is_described_and_no_other(described: dict[str, set[str]]) -> None:
    assert labels(described, "verb") == set(VERBS)


def test_every_frame_and_column_is_described(described: dict[str, set[str]], site: Path) -> None:
    page = (site / "reference" / "frames.html").read_text(encoding="utf-8")
    targets = set(re.findall(r'id="([\w-]+)"', page))
    wanted = {f"{frame.name}-{name}" for frame in FRAMES.values() for name in frame.column_names}

    assert set(FRAMES) <= labels(described, "frame")
    assert {name.replace("_", "-") for name in wanted} <= {t.replace("_", "-") for t in targets}


def test_every_command_and_option_is_described_and_no_other(
    described: dict[str, set[str]],
) -> None:
    named = {
        f"{command.replace(' ', '-')}.{option}"
        for command, names in options().items()
        for option in names
    }

    assert labels(described, "command") == {name.replace(" ", "-") for name in options()}
    helps = {f"{c.replace(' ', '-')}.{option}" for c in options() for option in ("-h", "--help")}
    assert helps <= described["std:cmdoption"]
    assert described["std:cmdoption"] - helps == named


def test_every_word_of_a_check_is_explained_in_a_table() -> None:
    grammar = (_check_text.__doc__ or "").partition("::")[2]
    words = set(re.findall(r'"([a-z_]+)"', grammar))
    page = (ROOT / "docs" / "reference" / "checks.md").read_text(encoding="utf-8")
    rows = [row for row in page.splitlines() if row.startswith("| `")]
    told = {word for row in rows for word in re.findall(r"[a-z]+(?:_(?![a-z]))?", row)}

    assert len(rows) > 10
    assert {word for word in words if word not in told and f"`{word}" not in page} == set()


def test_the_layers_that_are_checked_are_those_on_the_page(site: Path) -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (
        contract
        for contract in contracts["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    )
    checked = [name for layer in contract["layers"] for name in re.findall(r"\w+", layer)]
    page = (site / "contributing.html").read_text(encoding="utf-8")

    told = re.findall(r"<td><p>\d+</p></td>\s*<td><p><code[^>]*>.*?murmur\.(\w+)", page)
    assert told == checked


def test_every_environment_variable_is_described(described: dict[str, set[str]]) -> None:
    missing = [
        name
        for name in variables()
        if not any(
            known == name or (name.endswith("_") and known.startswith(name))
            for known in described["std:envvar"]
        )
    ]

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_page_names_only_what_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if page.name == "exported-metrics.md":
        return  # OpenTelemetry's names have dots, too
    named = set(re.findall(r"`(murmur(?:\.\w+)+)", text))
    gone = []
    for name in sorted(named):
        try:
            pkgutil.resolve_name(name)
        except (AttributeError, ImportError):
            gone.append(name)

    assert gone == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_an_example_calls_only_what_is_there(page: Path) -> None:
    blocks = re.findall(
        r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    called = {
        match.groups()
        for block in blocks
        for match in re.finditer(r"(?<![\w.\"'])(session|run|results|user|murmur)\.(\w+)", block)
    }
    gone = [f"{handle}.{name}" for handle, name in sorted(called) if not there(handle, name)]

    assert gone == []


def there(handle: str, name: str) -> bool:
    """Return whether what `handle` stands for has a `name`."""
    if handle == "murmur" and f"murmur.{name}" in PUBLIC:
        return True
    owner = HANDLES[handle]
    if hasattr(owner, name):
        return True
    return inspect.isclass(owner) and bool(
        re.search(rf"\bself\.{name}(:.*)? = ", inspect.getsource(owner))
    )
