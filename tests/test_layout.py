"""What the tree may hold, and how its parts are named and sized."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .syntax import tree_of

ROOT = Path(__file__).parents[1]
TOP = {
    "CITATION.cff",
    "LICENSE",
    "README.md",
    "binder",
    "docs",
    "findings",
    "murmur",
    "notebooks",
    "pyproject.toml",
    "tests",
}
VAGUE = {"base", "common", "core", "helpers", "manager", "util", "utils"}
# A module's docstring names what is inside; in a listing, one of these opens a riddle.
RIDDLES = {"How", "What", "When", "Where", "Which", "Who", "Why"}
# Folders of tests of more than one package, or of none.
NO_MIRROR = {"benchmarks", "browser", "by_hand", "docs", "integration", "notebooks", "typing"}
# A home, a checkout or an installation of one machine; never right on another.
MACHINE_PATH = re.compile(r"(?<![\w.:*)}])/(?:root|work|farm|opt|home/[\w-]+|Users/[\w-]+)/[\w.]")
# Where a syntax tree keeps the names of what it defines and uses.
_NAMING = ("id", "attr", "name", "arg")
MAX_MODULE_LINES = 600
MAX_FUNCTION_LINES = 40
# Pure arithmetic is tested where it is; each other one would be a toll on every move.
MAX_PRIVATE_IMPORTS = 72
# One table or one tree that is read as a whole: longer than the rule, with the reason.
LONG_MODULES = {
    "errors.py": "every exception, under the tree in its docstring",
    "_session/_session.py": "the one handle, each method with the text of Shift-Tab",
}


def tracked() -> list[Path]:
    """Return the files of the repository, or of the sdist when there is no repository."""
    if not (ROOT / ".git").exists():
        return [path for name in sorted(TOP) for path in _files(ROOT / name)]
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=True
    )
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.exists()]


def _files(path: Path) -> Iterator[Path]:
    candidates = sorted(path.rglob("*")) if path.is_dir() else [path]
    return (file for file in candidates if file.is_file() and "__pycache__" not in file.parts)


FILES = tracked()
MODULES = [path for path in FILES if path.suffix == ".py" and path.is_relative_to(ROOT / "murmur")]
NOTEBOOKS = [path for path in FILES if path.suffix == ".ipynb"]


def name_of(path: Path) -> str:
    """Return the path as seen from the root, for the names of tests."""
    return path.relative_to(ROOT).as_posix()


def test_the_top_level_holds_only_what_it_should() -> None:
    names = {path.relative_to(ROOT).parts[0] for path in FILES}

    assert {name for name in names if not name.startswith(".")} <= TOP


def test_no_file_names_a_path_of_one_machine() -> None:
    found = []
    for path in FILES:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{name_of(path)}:{number}: {line.strip()[:100]}"
            for number, line in enumerate(lines, start=1)
            if MACHINE_PATH.search(line)
        ]

    assert found == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]

    assert [cell["outputs"] for cell in code if cell["outputs"]] == []
    assert [cell for cell in code if cell["execution_count"] is not None] == []
    assert "widgets" not in notebook["metadata"]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_private_and_named_for_one_thing(path: Path) -> None:
    inside = path.relative_to(ROOT / "murmur")
    words = {word for part in inside.with_suffix("").parts for word in part.strip("_").split("_")}

    assert words & VAGUE == set()
    assert len(inside.parts) == 1 or path.name.startswith("_")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_and_its_functions_can_be_read_at_once(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    long = [
        f"{node.name}: {_body_lines(node)} lines"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and _body_lines(node) > MAX_FUNCTION_LINES
    ]

    assert long == []
    if path.relative_to(ROOT / "murmur").as_posix() not in LONG_MODULES:
        assert len(lines) <= MAX_MODULE_LINES


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.name == "__init__.py"], ids=name_of
)
def test_a_package_only_gathers_what_its_modules_define(path: Path) -> None:
    if path.parent == ROOT / "murmur":
        return  # the face of the project also loads its parts on first use
    defined = [
        node.name
        for node in tree_of(path).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("__")
    ]

    assert defined == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_first_what_is_inside(path: Path) -> None:
    docstring = ast.get_docstring(tree_of(path)) or ""

    assert docstring
    assert docstring.split()[0] not in RIDDLES


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_what_a_text_calls_by_a_private_name_is_there(path: Path) -> None:
    named = set(re.findall(r"(?<!`)`(_[a-z]\w*)`(?!`)", path.read_text(encoding="utf-8")))

    assert named - {each.stem for each in MODULES} - _identifiers(path) == set()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_package_imports_another_only_through_its_face(path: Path) -> None:
    package = path.relative_to(ROOT / "murmur").with_suffix("").parts[0]
    private = [name for name in _imports(path) if _is_private_of_another(name, package)]

    assert private == []


def test_few_tests_import_what_is_private_to_a_package() -> None:
    paths = [path for path in FILES if path.is_relative_to(ROOT / "tests") and path.suffix == ".py"]
    private = [name for path in paths for name in _imports_of_private_modules(path)]

    assert len(private) < MAX_PRIVATE_IMPORTS


def test_the_tests_mirror_the_package() -> None:
    packages = {path.name.strip("_") for path in (ROOT / "murmur").iterdir()}
    folders = {
        path.relative_to(ROOT / "tests").parts[0]
        for path in FILES
        if path.is_relative_to(ROOT / "tests") and len(path.relative_to(ROOT / "tests").parts) > 1
    }

    assert folders - NO_MIRROR <= packages


def _identifiers(path: Path) -> set[str]:
    """Return the names that the code of a module uses or defines."""
    fields = [vars(node).get(field) for node in ast.walk(tree_of(path)) for field in _NAMING]
    return {each for each in fields if isinstance(each, str)}


def _imports_of_private_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        named += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        yield from (name for name in named if re.match(r"murmur\..+\._[a-z]|murmur\._\w+\._", name))


def _imports(path: Path) -> Iterator[str]:
    """Yield the dotted names of what a module of murmur imports from murmur, wherever it does."""
    parts = path.relative_to(ROOT).parts
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = list(parts[: len(parts) - node.level]) if node.level else []
            origin += [node.module] if node.module else []
            yield from (".".join([*origin, alias.name]) for alias in node.names)


def _is_private_of_another(name: str, package: str) -> bool:
    """Return whether `name` leads through a private module of another package than `package`.

    What lies inside a package, such as `murmur.throttles.shared`, is part of it.
    """
    root, *parts = name.split(".")
    private = [part for part in parts[1:] if part.startswith("_") and not part.startswith("__")]
    return root == "murmur" and parts[:1] != [package] and private != []


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines a function has, without its docstring."""
    documented = ast.get_docstring(node) is not None
    first = node.body[0]
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (node.end_lineno or 0) - node.lineno + 1 - docstring
