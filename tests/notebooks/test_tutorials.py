"""A tutorial teaches: it holds no test code, and what has to hold after it is checked here."""

from __future__ import annotations

import ast

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager


@pytest.fixture
def cells(notebook):
    """Return the notebook's cells by their ids."""
    return {cell["id"]: cell for cell in nbformat.read(notebook, as_version=4).cells}


def code_of(cells) -> str:
    return "\n".join(cell.source for cell in cells.values() if cell.cell_type == "code")


def test_no_cell_asserts(cells):
    assert "assert" not in code_of(cells)


def test_it_says_what_an_invalid_verdict_means(cells):
    text = "\n".join(cell.source for cell in cells.values() if cell.cell_type == "markdown")

    assert "invalid" in text


def test_its_charts_need_no_network(cells):
    """Altair's own renderer has the page load its scripts from another host."""
    code = code_of(cells)

    draws_itself = "%load_ext murmur" in code or "import charts" in code
    assert draws_itself or "alt." not in code


def test_each_check_stands_behind_a_cell_of_code(cells, checks):
    assert checks
    assert {check.after for check in checks} <= {
        name for name, cell in cells.items() if cell.cell_type == "code"
    }


def test_each_check_takes_names_that_the_notebook_has(cells, checks):
    names = set()
    for cell in cells.values():
        if cell.cell_type == "code":
            tree = ast.parse(TransformerManager().transform_cell(cell.source))
            names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
            names |= {
                alias.asname or alias.name.partition(".")[0]
                for node in ast.walk(tree)
                if isinstance(node, ast.Import | ast.ImportFrom)
                for alias in node.names
            }

    assert {name for check in checks for name in check.variables} <= names


def test_each_check_runs_where_its_notebook_runs(notebook, checks, request):
    """A check that no hook puts behind its cell would never fail."""
    found = {item.name for item in request.session.items if item.path == notebook}
    if not found:
        pytest.skip("the notebook is not among what runs")

    assert {check.name for check in checks} <= found
