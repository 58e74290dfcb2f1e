"""Splits the line of a magic into words.

Values stay text here: names of the notebook are looked up, and nothing is evaluated.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from IPython.core.error import UsageError

__all__ = ["split_words"]

_VARIABLE = re.compile(r"\$\$|\$([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\}")


def split_words(line: str, namespace: Mapping[str, object]) -> list[str]:
    """Return the words of `line`, without quotes and comment, with variables filled in.

    ``$name`` and ``{name}`` stand for ``str()`` of that variable, if `namespace` has it;
    ``$$`` stands for a dollar sign.

    Raises
    ------
    UsageError
        If a quotation is not closed.
    """
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""  # a comment starts with a word: http://host/#top is not one
    lexer.escape = ""  # C:\scenarios\chat.py keeps its backslashes
    words: list[str] = []
    try:
        for word in lexer:
            if word.startswith("#"):
                break
            words.append(_fill_in(word, namespace))
    except ValueError as error:
        raise UsageError("a quotation is not closed") from error
    return words


def _fill_in(word: str, namespace: Mapping[str, object]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        name = match[1] or match[2]
        return str(namespace[name]) if name in namespace else match[0]

    return _VARIABLE.sub(value, word)
