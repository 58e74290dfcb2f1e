"""Output of users that comes after the cell which started them: to which cell it goes.

ipykernel sends what a task prints to the cell that started it.  A browser shows it there.
nbclient, and with it papermill and nbconvert, listens to the cell that runs and to no other, so
all of it would be missing in the saved notebook.  Therefore, in a kernel that no Jupyter server
has started, late output is sent on to the cell that runs; between two cells it waits for the
next, and goes to its own cell if none comes soon.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import Any

NEXT_CELL_WITHIN = 1.0
"""Seconds that output waits for the next cell."""

Message = dict[str, Any]


def follow_cells() -> None:
    """Send late output to the cell that runs, where nobody would see it otherwise."""
    shell = _shell()
    if shell is None or "JPY_SESSION_NAME" in os.environ:  # a Jupyter server sets it
        return
    streams: tuple[Any, ...] = (sys.stdout, sys.stderr)
    for stream in streams:
        if hasattr(stream, "register_hook") and not hasattr(stream, "murmur_follows"):
            stream.murmur_follows = _Follower(stream, shell)


def _shell() -> Any:  # noqa: ANN401 - IPython's shell; it may not be installed
    """Return the shell of a kernel; None anywhere else."""
    # There in part while another thread imports it, and then this is no kernel's process.
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell if hasattr(shell, "kernel") else None


class _Follower:
    """Looks at what one stream sends, in the thread that sends it."""

    # `stream` is standard output or error; `shell` says when a cell begins and ends.
    def __init__(self, stream: Any, shell: Any) -> None:  # noqa: ANN401 - ipykernel is optional
        self._stream = stream
        self._kernel = shell.kernel
        self._cell: Message | None = self._kernel.get_parent("shell").get("header")
        self._held: list[Message] = []
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._end)
        # Hooks belong to a thread.
        stream.pub_thread.schedule(partial(stream.register_hook, self._look))

    def _begin(self, *_: object) -> None:
        """Note which cell runs; it gets what waits."""
        self._cell = self._kernel.get_parent("shell").get("header")
        self._stream.pub_thread.schedule(self._release)

    def _end(self, *_: object) -> None:
        """Note that no cell runs, once all that the cell itself has written is sent."""
        self._stream.flush()
        self._cell = None

    def _look(self, message: Message) -> Message:
        """Turn a message to the cell that runs, or keep its text until one does."""
        cell, parent = self._cell, message["parent_header"]
        if cell is not None:
            return {**message, "parent_header": cell}
        if not parent.get("msg_id"):
            return message
        self._held.append(message)
        self._stream.pub_thread.io_loop.call_later(NEXT_CELL_WITHIN, self._release)
        # With None in its place ipykernel leaves out what else there is to send.
        return {**message, "content": {**message["content"], "text": ""}}

    def _release(self) -> None:
        """Send what waits: to the cell that runs, or where it came from."""
        held, self._held = self._held, []
        for message in held:
            parent = self._cell or message["parent_header"]
            again = self._stream.session.msg("stream", message["content"], parent=parent)
            self._stream.session.send(self._stream.pub_thread, again, ident=self._stream.topic)
