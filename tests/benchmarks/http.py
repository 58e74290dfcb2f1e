"""What a request costs: ``python -m tests.benchmarks.http``.

murmur's users and Locust's `FastHttpUser` ask the same nginx as fast as they can, one after
the other, round by round, in one run: a file of 128 bytes, one worker, connections kept for
ever, as many as there are users.  Everything is on this machine.  Locust goes into an
environment of its own, which the script makes.  ``--stacks`` adds the libraries that murmur
could have stood on.

CPU per request is that of the generator's whole process, and the least of all rounds, for
the least disturbed round is the true one; requests per second are of the same round.  On a
machine of two cores nginx and generator take one each.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme
from traitlets import Unicode

import murmur
from tests.benchmarks.http_stacks import WARM_UP, cpu

ROOT = Path(__file__).parents[2]
STACKS = ("llhttp", "aiohttp", "httpcore", "httpx", "niquests", "pyreqwest")
PACKAGES = ("locust", "uvloop", "httptools", "aiohttp", "httpx", "niquests", "pyreqwest")

K9 = "k9-load==0.1.0"

USUAL, FRESH = "/index.html", "/fresh.html"
"""Pages: one whose head is the same for a second, and one whose head is new each time."""

PLAN = """
options:
  vus: {users}
  duration: {seconds}s
flows:
  default:
    - request:
        url: "{url}"
"""

SCRIPT = """
import k9

options = {{"vus": {users}, "duration": "{seconds}s"}}

async def default():
    await k9.http.get("{url}")
"""

NGINX = """
daemon off;
worker_processes 1;
pid {root}/nginx.pid;
error_log {root}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {root}/t1;
  proxy_temp_path {root}/t2;
  fastcgi_temp_path {root}/t3;
  uwsgi_temp_path {root}/t4;
  scgi_temp_path {root}/t5;
  keepalive_requests 100000000;
  keepalive_timeout 600;
  default_type text/plain;
  server {{
    listen 127.0.0.1:{port} backlog=4096 {protocol};
    root {root};
    location = /fresh.html {{ add_header X-Request-Id $request_id; }}
  }}
}}
"""

HTTP2 = """ssl http2;
    ssl_certificate {root}/server.pem;
    ssl_certificate_key {root}/server.pem"""

ECHO = """
import asyncio, sys, uvloop
from websockets.asyncio.server import serve

async def answer(websocket):
    async for message in websocket:
        await websocket.send(message)

async def main():
    async with serve(answer, "127.0.0.1", 0, compression=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

uvloop.run(main())
"""

LOCUSTFILE = """
import json, resource, sys, time
import gevent
from locust import FastHttpUser, events, task

class Asking(FastHttpUser):
    @task
    def ask(self):
        self.client.get("/index.html")

def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime

def measure(environment):
    while environment.runner is None or environment.runner.user_count < {connections}:
        gevent.sleep(0.1)
    gevent.sleep({warm_up})
    total = environment.stats.total
    count, failed, used, began = total.num_requests, total.num_failures, cpu(), time.monotonic()
    gevent.sleep({seconds})
    print("RESULT", json.dumps({{
        "requests": total.num_requests - count, "failed": total.num_failures - failed,
        "cpu": cpu() - used, "seconds": time.monotonic() - began,
    }}), flush=True)
    environment.runner.quit()

@events.init.add_listener
def begin(environment, **_):
    gevent.spawn(measure, environment)
"""


class Asking(murmur.Scenario):
    """Users ask as fast as they can."""

    async def init(self) -> None:
        from murmur.http import Options

        ca = os.environ.get("MURMUR_BENCHMARK_CA")
        url = os.environ["MURMUR_BENCHMARK_URL"]
        self.http = Options(base_url=url, ca=ca, http2=ca is not None)

    page = Unicode("", help="what they ask for")

    async def start(self, user: murmur.User) -> None:
        while True:
            await user.http.get(self.page)


class Talking(murmur.Scenario):
    """Users ask over a WebSocket, as fast as they can."""

    async def init(self) -> None:
        from murmur.http import Options

        self.http = Options(base_url=os.environ["MURMUR_BENCHMARK_URL"])

    async def start(self, user: murmur.User) -> None:
        async with user.websocket("/") as websocket:
            while True:
                await websocket.ask("x" * 128)


def measure_murmur(
    connections: int,
    seconds: float,
    scenario: type[murmur.Scenario] = Asking,
    **settings: object,
) -> dict[str, float]:
    """Run murmur in this process, with a session as anybody would."""
    with murmur.Session() as session:
        run = session.do(scenario, connections, user_rate=math.inf, **settings)
        time.sleep(WARM_UP)
        before, used, began = _count(run), cpu(), time.monotonic()
        time.sleep(seconds)
        took, used = time.monotonic() - began, cpu() - used
        after = _count(run)
    requests, failed = after[0] - before[0], after[1] - before[1]
    return {"requests": requests, "failed": failed, "cpu": used, "seconds": took}


def measure_k9(
    url: str, connections: int, seconds: int, page: str = USUAL, *, plan: str = PLAN
) -> dict[str, float]:
    """Run a plan or a script of k9-load's; `K9` says where the program is."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml" if plan is PLAN else ".py") as file:
        file.write(plan.format(users=connections, seconds=seconds, url=f"{url}{page}"))
        file.flush()
        told, used = _run_peer([os.environ["K9"], "run", file.name])
    plain = re.sub(r"\x1b\[[0-9;]*m", "", told)
    return _told(r"http_reqs[ .:]*\s*([\d,]+)", plain, used, seconds)


def measure_wrk(url: str, connections: int, seconds: int, page: str = USUAL) -> dict[str, float]:
    """Run wrk with one thread, as murmur's loop is one."""
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", f"{url}{page}"]
    told, used = _run_peer(command)
    return _told(r"(\d+) requests in", told, used, seconds)


def _run_peer(command: list[str]) -> tuple[str, float]:
    """Run another generator; return what it printed, and the CPU of its whole process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout + done.stderr, used


def _told(pattern: str, text: str, used: float, seconds: float) -> dict[str, float]:
    """Return what a generator says of its requests."""
    if (requests := re.search(pattern, text)) is None:
        raise RuntimeError(f"the peer failed: {text[-2000:]}")
    return {"requests": int(requests[1].replace(",", "")), "cpu": used, "seconds": seconds}


def measure_floor(url: str, connections: int, seconds: float) -> dict[str, float]:
    """Ask with nothing but a protocol of the loop and a parser, in a process of its own."""
    script = str(Path(__file__).with_name("http_stacks.py"))
    command = [sys.executable, "-P", script, STACKS[0], url, str(connections), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def find_k9(folder: Path) -> str | None:
    """Return k9-load's program, installed into `folder` if need be; None without a registry."""
    if found := os.environ.get("K9") or shutil.which("k9"):
        return found
    venv.create(folder, with_pip=True)
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", K9]
    done = subprocess.run(install, capture_output=True, check=False)
    return None if done.returncode else str(folder / "bin" / "k9")


def _count(run: murmur.Run) -> tuple[int, int]:
    windows = run.results.windows
    return int(windows["count"].sum()), int(windows["failed"].sum())


@contextmanager
def echo() -> Iterator[str]:
    """Start a server of WebSockets that answers with what it was sent; yield its address."""
    command = [sys.executable, "-c", ECHO]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what it says of users who go without a farewell
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield f"ws://127.0.0.1:{server.stdout.readline().strip()}"
        server.stdin.close()


@contextmanager
def nginx(root: Path, *, http2: bool = False) -> Iterator[str]:
    """Start the server; yield the address of its file."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        sys.exit("nginx is not installed; `apt-get install nginx-light` brings it")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    root.chmod(0o755)
    for page in (USUAL, FRESH):
        (root / page[1:]).write_text("x" * 128, encoding="ascii")
    if http2:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(root / "ca.pem")
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
            root / "server.pem"
        )
        os.environ["MURMUR_BENCHMARK_CA"] = str(root / "ca.pem")
    protocol = HTTP2.format(root=root) if http2 else ""
    config = NGINX.format(root=root, port=port, protocol=protocol)
    (root / "nginx.conf").write_text(config, encoding="ascii")
    server = subprocess.Popen([program, "-c", str(root / "nginx.conf"), "-p", str(root)])
    try:
        deadline = time.monotonic() + 10
        while not _listens(port) and time.monotonic() < deadline:
            time.sleep(0.05)
        yield f"http{'s' * http2}://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Generators:
    """Runs each generator in a process of its own."""

    def __init__(self, root: Path, url: str, packages: tuple[str, ...]) -> None:
        self._root = root
        self._url = url
        venv.create(root / "peers", with_pip=True)
        self._python = str(root / "peers" / "bin" / "python")
        install = [self._python, "-m", "pip", "install", "--quiet", *packages]
        subprocess.run(install, check=True, stderr=subprocess.DEVNULL)

    def run(self, name: str, connections: int, seconds: float) -> dict[str, float]:
        """Return what generator `name` measured."""
        if name == "murmur":
            command = [sys.executable, "-m", "tests.benchmarks.http", "--measure"]
            command += [str(connections), str(seconds)]
        elif name == "locust":
            command = self._locust(connections, seconds)
        else:
            script = str(Path(__file__).with_name("http_stacks.py"))
            address = f"{self._url}/index.html"
            command = [self._python, "-P", script, name, address, str(connections), str(seconds)]
        environment = {**os.environ, "MURMUR_BENCHMARK_URL": self._url}
        done = subprocess.run(
            command,
            cwd=ROOT if name == "murmur" else self._root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120 + seconds,
            check=False,
        )
        lines = [line for line in done.stdout.splitlines() if "{" in line]
        if not lines:
            raise RuntimeError(f"{name} failed: {done.stderr[-2000:]}")
        result: dict[str, float] = json.loads(lines[-1].removeprefix("RESULT "))
        return result

    def _locust(self, connections: int, seconds: float) -> list[str]:
        locustfile = self._root / "locustfile.py"
        locustfile.write_text(
            LOCUSTFILE.format(connections=connections, seconds=seconds, warm_up=WARM_UP),
            encoding="utf-8",
        )
        return [
            self._python, "-m", "locust", "-f", str(locustfile), "--headless", "--host", self._url,
            "-u", str(connections), "-r", str(connections), "--only-summary",
        ]  # fmt: skip


def _best(rounds: list[dict[str, float]]) -> dict[str, float]:
    return min(rounds, key=lambda each: each["cpu"] / max(1.0, each["requests"]))


def _show(name: str, rounds: list[dict[str, float]]) -> str:
    best = _best(rounds)
    each = best["cpu"] / max(1.0, best["requests"]) * 1e6
    rate = best["requests"] / best["seconds"]
    failed = sum(int(one["failed"]) for one in rounds)
    return f"{name:12} {each:8.1f} us {rate:10,.0f}/s {failed:8}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--seconds", type=float, default=4.0, help="measured in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stacks", action="store_true", help="the libraries beneath as well")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Measure and print a table."""
    options = _options()
    from murmur.testing import raise_open_files_limit  # which older builds have not

    raise_open_files_limit()
    if options.measure:
        connections, seconds = options.measure
        measured = measure_murmur(int(connections), float(seconds), page=USUAL)
        sys.stdout.write(json.dumps(measured) + "\n")
        return
    names = ("murmur", "locust", *(STACKS if options.stacks else ()))
    with tempfile.TemporaryDirectory() as folder, nginx(Path(folder)) as url:
        packages = PACKAGES if options.stacks else PACKAGES[:1]
        generators = Generators(Path(folder), url, packages)
        for connections in options.connections:
            load = os.getloadavg()[0]
            print(f"\n{connections} connections; load of the machine before: {load:.1f}")  # noqa: T201
            print(f"{'':12} {'CPU/request':>11} {'requests':>12} {'failed':>8}")  # noqa: T201
            measured: dict[str, list[dict[str, float]]] = {name: [] for name in names}
            for _ in range(options.rounds):
                for name in names:
                    measured[name].append(generators.run(name, connections, options.seconds))
            for name, rounds in measured.items():
                print(_show(name, rounds))  # noqa: T201


if __name__ == "__main__":
    main()
