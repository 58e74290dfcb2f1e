"""The number of files, and so of connections, that a process may have open."""

from __future__ import annotations

import math

__all__ = ["OPEN_FILES_SPARE", "raise_open_files_limit"]

OPEN_FILES_SPARE = 100
"""Open files that a process needs beside its connections."""


def raise_open_files_limit() -> float:
    """Let this process open as many files as the system allows it to.

    Returns
    -------
    float
        How many that is; ``math.inf`` where the system knows no such limit.

    Examples
    --------
    >>> from murmur.testing._open_files import raise_open_files_limit
    >>> raise_open_files_limit() > 100
    True
    """
    try:
        import resource
    except ImportError:  # Windows
        return math.inf
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # macOS reports no limit, and refuses to set it
            return soft
    return math.inf if hard == resource.RLIM_INFINITY else hard
