"""Splits the line of a magic into words.

As in IPython's own line magics ``$name`` and ``{expression}`` stand for values of the notebook.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from IPython.core.error import UsageError

_VARIABLE = re.compile(r"\$\$|\$([A-Za-z_]\w*)")
_EXPRESSION = re.compile(r"\{([^{}]+)\}")
_PLACE = re.compile("\x00(\\d+)\x00")  # of a value in a line that is still to be split


def split_words(line: str, namespace: Mapping[str, object] | None) -> list[str]:
    """Return the words of `line`, without quotes and comment, with variables filled in.

    ``$name`` and ``{expression}`` stand for ``str()`` of their value in `namespace`, in one
    word whatever it holds; they stay as they are where they have none, as ``{id}`` in the name
    of an action, and without a `namespace`.  ``$$`` stands for a dollar sign.

    Raises `UsageError` if a quotation is not closed.
    """
    names = {} if namespace is None else namespace
    line, values = (line, []) if namespace is None else _evaluated(line, names)
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""  # a comment starts with a word: http://host/#top is not one
    lexer.escape = ""  # C:\scenarios\chat.py keeps its backslashes
    words: list[str] = []
    try:
        for word in lexer:
            if word.startswith("#"):
                break
            words.append(_fill_in(word, names, values))
    except ValueError as error:
        raise UsageError("a quotation is not closed") from error
    return words


def _evaluated(line: str, namespace: Mapping[str, object]) -> tuple[str, list[str]]:
    """Return `line` with a mark in place of each expression, and their values as text."""
    values: list[str] = []

    def mark(match: re.Match[str]) -> str:
        code = match[1].strip()
        if code.isidentifier() and code not in namespace:
            return match[0]  # a placeholder, as in GET /items/{id}: `id` is Python's own
        try:
            # The line is code that a person typed into a cell of their own.
            value = eval(code, dict(namespace))
        except Exception:  # noqa: BLE001 - as in IPython: no expression, so it stays as it is
            return match[0]
        values.append(str(value))
        return f"\x00{len(values) - 1}\x00"

    return _EXPRESSION.sub(mark, line), values


def _fill_in(word: str, namespace: Mapping[str, object], values: Sequence[str]) -> str:
    def variable(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return str(namespace[match[1]]) if match[1] in namespace else match[0]

    return _PLACE.sub(lambda match: values[int(match[1])], _VARIABLE.sub(variable, word))
