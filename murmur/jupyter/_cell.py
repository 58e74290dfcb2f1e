"""Runs the body of a cell magic the way the shell runs a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["run_body"]


def run_body(shell: InteractiveShell, body: str) -> None:
    """Run `body` as a cell of the notebook, so that tracebacks and sources show its lines.

    Raises `UsageError` if the body fails; the shell has shown how.  Raised, so that the cells
    below do not run as if a load test had started.
    """
    if _waits(shell, body):
        raise UsageError("a body cannot use await at top level: move it to a cell of its own")
    if not body.lstrip().startswith("%%"):
        # Stands for the line of the magic, so that line numbers are those of the cell.  Not
        # the line itself, which may hold a secret: tracebacks would show it.
        body = f"# %%amoc do\n{body}"
    if not shell.run_cell(body, store_history=False).success:
        raise UsageError("nothing was started: the body of the cell failed")


def _waits(shell: InteractiveShell, body: str) -> bool:
    """Whether `body` would need the event loop that, in a kernel, runs this very cell."""
    if getattr(shell, "kernel", None) is None:
        return False
    try:
        transformed = shell.transform_cell(body)
    except SyntaxError:
        return False  # running it shows the error
    return bool(shell.should_run_async(body, transformed_cell=transformed))
