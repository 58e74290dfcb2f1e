"""The Python in a file, without running it: a module's source, or a notebook's cells."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

from ._read import read_file

_CELLS_OF_PYTHON = re.compile(r"%%(amoc|time|capture)\b")
_MAGIC = re.compile(r"^(\s*)(?:[%!]|\w+\s*=\s*[%!]).*$", re.MULTILINE)
_HELP = re.compile(r"^(\s*)(?:\?.*|.*\?\s*)$", re.MULTILINE)


def statements_of(path: Path) -> list[ast.stmt]:
    """Return the top-level statements of a module or of all code cells of a notebook.

    Raises `OSError` if the file cannot be read; `SyntaxError` or `ValueError` if a module does not
    parse, a notebook is not one, or the file is none that a person wrote.
    """
    try:
        if path.suffix != ".ipynb":
            return ast.parse(read_file(path), filename=str(path)).body
        cells = _cells(path)
    except (MemoryError, RecursionError) as error:  # the first is the parser's, and says nothing
        message = "it is nested too deeply"
        raise ValueError(message) from error
    return [statement for source in cells for statement in _parsed(source)]


def _cells(path: Path) -> list[str]:
    document = json.loads(read_file(path).decode("utf-8"))
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list):
        message = "it is not a notebook (format 4)"
        raise ValueError(message)  # the content is at fault
    code = (cell for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code")
    return [_source(cell.get("source")) for cell in code]


def _source(given: object) -> str:
    """Return a cell's text, which is a string or a list of lines; anything else holds none."""
    lines = given if isinstance(given, list) else [given]
    return "".join(line for line in lines if isinstance(line, str))


def _parsed(source: str) -> list[ast.stmt]:
    """Return the statements of one cell, none if it is not Python.

    Lines of IPython are only looked for in a cell that does not parse: what looks like
    one may be the middle of a string.  ``pass`` keeps a block whole whose only line is
    a magic.
    """
    text = source.lstrip()
    if text.startswith("%%"):
        first, _, text = text.partition("\n")
        if not _CELLS_OF_PYTHON.match(first):
            return []
    without_magics = _MAGIC.sub(r"\1pass", text)
    for attempt in (text, without_magics, _HELP.sub(r"\1pass", without_magics)):
        try:
            return ast.parse(attempt).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return []
