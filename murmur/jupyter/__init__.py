"""murmur in a notebook: the ``%amoc`` magics.

``%load_ext murmur`` loads them.
"""

from __future__ import annotations

from murmur.errors import MissingExtraError

try:
    import IPython  # noqa: F401 - only to say what is missing
except ImportError as _error:
    raise MissingExtraError("murmur.jupyter", "notebook", "IPython") from _error

from ._amoc import Amoc
from ._completion import complete
from ._extension import load, unload
from ._verbs import VERBS, find_verb
from ._words import split_words

__all__ = ["VERBS", "Amoc", "complete", "find_verb", "load", "split_words", "unload"]
