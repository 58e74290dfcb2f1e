"""Checks of the tutorials: each runs in the notebook's own kernel, right after a cell.

A tutorial holds no test code.  What has to hold is in ``check_<notebook>.py`` beside this file:
each public function names a cell (``after=``), takes variables of the notebook by their names,
and becomes an item behind that cell, so that no notebook is run twice.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbval.plugin import IPyNbCell

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@dataclass(frozen=True)
class Check:
    """One function of a file of checks."""

    path: Path
    name: str
    after: str
    variables: tuple[str, ...]

    @property
    def source(self) -> str:
        """What the kernel runs: the function, given the notebook's variables."""
        given = ", ".join(f"{name}={name}" for name in self.variables)
        return f"__import__('runpy').run_path({str(self.path)!r})[{self.name!r}]({given})"


def checks_of(notebook: Path) -> list[Check]:
    """Return the checks of a notebook, which is read and not run."""
    path = Path(__file__).with_name(f"check_{notebook.stem}.py")
    if not path.exists():
        return []
    functions = [
        node
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]
    return [
        Check(
            path,
            function.name,
            ast.literal_eval(function.args.kw_defaults[0]),
            tuple(each.arg for each in function.args.args),
        )
        for function in functions
    ]


def _behind(item: pytest.Item) -> Iterator[pytest.Item]:
    """Yield the checks of a notebook's cell as cells that follow it."""
    if not isinstance(item, IPyNbCell) or item.path.parent != NOTEBOOKS:
        return
    for check in checks_of(item.path):
        if check.after == item.cell.get("id"):
            yield IPyNbCell.from_parent(
                item.parent,
                name=check.name,
                cell_num=item.cell_num,
                cell=nbformat.v4.new_code_cell(check.source),
                options=defaultdict(bool),
            )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put each check behind its cell."""
    items[:] = [each for item in items for each in (item, *_behind(item))]


@pytest.fixture(params=sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> Path:
    """Return the path of each tutorial."""
    return request.param


@pytest.fixture
def checks(notebook: Path) -> list[Check]:
    """Return the checks of the tutorial."""
    return checks_of(notebook)
