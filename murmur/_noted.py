"""Checks that are made, for whoever wants to hear of them, such as the plugin for pytest.

It stands apart and imports nothing, so that a test may be listened to before anything of
murmur is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from murmur.results.checks import Checks

_log: ContextVar[list[Checks] | None] = ContextVar("murmur_checks", default=None)


@contextmanager
def noted() -> Iterator[list[Checks]]:
    """Collect what `Results.check` returns inside the block, in this context."""
    log: list[Checks] = []
    token = _log.set(log)
    try:
        yield log
    finally:
        _log.reset(token)


def note(checks: Checks) -> None:
    """Tell whoever collects."""
    log = _log.get()
    if log is not None:
        log.append(checks)
