"""Cell that is being run, and by what: a kernel with a front end, or a plain shell."""

from __future__ import annotations

from typing import Any, NamedTuple

from IPython.core.getipython import get_ipython

__all__ = ["Cell", "cell_here", "has_kernel"]


class Cell(NamedTuple):
    """One execution of a cell."""

    # the cell's own, which stays when it is run again; empty if the front end tells none
    id: str = ""
    execution: str = ""  # id of the request that runs it

    def is_replaced_by(self, later: Cell) -> bool:
        """Whether `later` is the same cell, run again."""
        return bool(self.id) and self.id == later.id and self.execution != later.execution


def has_kernel() -> bool:
    """Return whether displays go to a front end, which may know widgets."""
    return getattr(get_ipython(), "kernel", None) is not None


def cell_here() -> Cell:
    """Return the cell that is being run now, as far as the front end tells."""
    if not has_kernel():
        return Cell()
    shell: Any = get_ipython()
    request = shell.get_parent() or {}
    return Cell(
        str(request.get("metadata", {}).get("cellId") or ""),
        str(request.get("header", {}).get("msg_id") or ""),
    )
