"""A server in a thread, patience, and which lines of a log count, for tests of exporters."""

from __future__ import annotations

import contextlib
import logging
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

DEADLINE = 60.0

Server = TypeVar("Server", bound=socketserver.BaseServer)


@contextlib.contextmanager
def serving(server: Server) -> Iterator[Server]:
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_about_exporters(line: logging.LogRecord) -> bool:
    """Return False for what the runtime has to say of a busy machine."""
    return not line.name.startswith("murmur.runtime")
