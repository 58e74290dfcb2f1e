"""Real servers on the loopback: nginx, from Debian's packages."""

from __future__ import annotations

import getpass
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {root}/nginx.pid;
error_log {root}/error.log;
events {{ worker_connections 2048; }}
http {{
  log_format lines '$status $request_method $request_uri $connection $server_protocol';
  access_log {root}/access.log lines;
  client_body_temp_path {root}/body;
  proxy_temp_path {root}/proxy;
  fastcgi_temp_path {root}/fastcgi;
  uwsgi_temp_path {root}/uwsgi;
  scgi_temp_path {root}/scgi;
  default_type application/json;
  gzip on;
  gzip_min_length 1;
  gzip_types application/json;
  {settings}
  server {{ root {root}/files; {server} }}
}}
"""


class Nginx:
    """A running nginx, its files and its access log."""

    def __init__(self, program: str, root: Path, server: str, settings: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.root = root
        self.url = f"http://127.0.0.1:{self.port}"
        (root / "files").mkdir()
        configuration = root / "nginx.conf"
        server = server.format(root=root, port=self.port)
        configuration.write_text(
            CONFIGURATION.format(root=root, settings=settings, server=server), encoding="utf-8"
        )
        user = f"user {getpass.getuser()};"
        self._process = subprocess.Popen(
            [program, "-c", str(configuration), "-p", str(root), "-g", user],
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while not self._listens():
            assert self._process.poll() is None, (root / "error.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def log(self) -> list[list[str]]:
        """Return status, method, path, connection and protocol of each request."""
        lines = (self.root / "access.log").read_text(encoding="utf-8").splitlines()
        return [line.split() for line in lines]

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(60)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture(scope="module")
def start_nginx(program: Any, tmp_path_factory: Any) -> Iterator[Callable[..., Nginx]]:
    """Return ``start(server, settings="")``, with the text of nginx's blocks.

    ``{root}`` and ``{port}`` in the server's are filled in.
    """
    started: list[Nginx] = []

    def start(server: str, settings: str = "") -> Nginx:
        path = program("nginx", "nginx-light")
        started.append(Nginx(path, tmp_path_factory.mktemp("nginx"), server, settings))
        return started[-1]

    yield start
    for nginx in started:
        nginx.stop()
