"""A server with a thread for each connection, which does there what a test tells it to."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class ThreadServer:
    """Serves each connection by `serve`, which returns or raises when it is over."""

    def __init__(self) -> None:
        self.connections = 0
        self.is_over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def serve(self, connection: socket.socket) -> None:
        raise NotImplementedError

    def wait_over(self) -> None:
        """Stall until the test is over."""
        self.is_over.wait(60)

    def close(self) -> None:
        self.is_over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(60)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._threads.append(threading.Thread(target=self._run, args=[connection]))
                self._threads[-1].start()

    def _run(self, connection: socket.socket) -> None:
        connection.settimeout(30)
        with connection, suppress(OSError, StopIteration):
            self.serve(connection)


def read_head(connection: socket.socket) -> bytes:
    """Return the head of a request, and what came with it; nothing if there is no other."""
    head = b""
    while b"\r\n\r\n" not in head:
        part = connection.recv(65536)
        if not part:
            return b""
        head += part
    return head
