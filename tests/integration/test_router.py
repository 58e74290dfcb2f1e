"""The router on real sockets, and in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator

import anyio
import pytest

from murmur.errors import MurmurError
from murmur.testing import Router, RouterProcess, router_process


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def process() -> Iterator[RouterProcess]:
    with router_process() as running:
        yield running


def connect(process: RouterProcess, name: str) -> socket.socket:
    """Return the connection of a client that was accepted."""
    client = socket.create_connection((process.host, process.port), timeout=60)
    client.sendall(json.dumps({"connect": name}).encode())
    assert json.loads(client.recv(100)) == {"connected": name}
    return client


def wait_until(holds) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_messages_travel_through_a_router_in_this_process():
    async with Router() as router:
        address = router.host, router.port
        async with (
            await anyio.connect_tcp(*address) as ann,
            await anyio.connect_tcp(*address) as bob,
        ):
            for name, stream in (("ann", ann), ("bob", bob)):
                await stream.send(json.dumps({"connect": name}).encode())
                await stream.receive()
            await ann.send(b'{"from": "ann", "to": "bob"}')

            assert await bob.receive() == b'{"from": "ann", "to": "bob"}'
            assert router.counters.open == 2


async def test_a_router_that_stops_ends_all_connections():
    async with Router() as router:
        stream = await anyio.connect_tcp(router.host, router.port)
        await stream.send(b'{"connect": "ann"}')
        await stream.receive()

    async with stream:
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await stream.receive()


def test_the_process_tells_what_it_counted(process):
    with connect(process, "ann") as ann:
        ann.sendall(b'{"from": "ann", "to": "ann"}')
        ann.recv(100)

        assert process.counters().forwarded == 1
        assert process.counters().open == 1


def test_everything_forwarded_before_a_half_close_can_be_read(process):
    with connect(process, "ann") as ann, connect(process, "bob") as bob:
        for _ in range(1000):
            ann.sendall(b'{"from": "ann", "to": "bob"}')
        bob.shutdown(socket.SHUT_WR)
        heard = b"".join(iter(lambda: bob.recv(65536), b""))
        wait_until(lambda: process.counters().received == 1000)

        assert heard.count(b"}") == process.counters().forwarded


def test_a_frozen_process_forwards_nothing_until_it_thaws(process):
    with connect(process, "ann") as ann:
        began = time.monotonic()
        process.freeze(0.3)
        ann.sendall(b'{"from": "ann", "to": "ann"}')
        ann.recv(100)

        assert 0.29 < time.monotonic() - began < 60


def test_stopping_closes_connections_and_keeps_the_counts(process):
    with connect(process, "ann") as ann:
        last = process.stop()

        assert ann.recv(100) == b""
    assert last.connected == 1
    assert process.stop() == process.counters() == last
    assert not process.is_running
    assert "stopped" in repr(process)


def test_a_process_that_died_is_reported(process):
    os.kill(process._process.pid, signal.SIGKILL)
    with pytest.raises(MurmurError, match="its process"):
        process.counters()


def test_a_package_that_the_shop_needs_is_named():
    without = "import sys; sys.modules['httptools'] = None; sys.argv[1:] = ['shop']; "
    code = without + "from murmur.testing import _serve; sys.exit(_serve.main())"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, input="", capture_output=True, text=True, timeout=60, check=False
    )

    assert "pip install" in json.loads(done.stdout)["error"]
    assert (done.returncode, done.stderr) == (2, "")


def test_a_port_in_use_is_reported(process):
    problem = f"cannot listen on 127.0.0.1:{process.port}: the port is taken.*started before"
    with pytest.raises(MurmurError, match=problem):
        router_process(port=process.port)


def test_its_start_may_take_longer_than_any_answer(monkeypatch):
    monkeypatch.setattr("murmur.testing._process.ANSWER_WITHIN", 0.001)  # no Python starts in that
    with router_process() as process:
        assert process.is_running


def test_connections_that_cannot_fit_are_refused():
    with pytest.raises(MurmurError, match=r"raise the hard limit"):
        router_process(connections=10**9)


def test_an_interrupt_for_the_notebook_is_not_one_for_the_router(process):
    os.kill(process._process.pid, signal.SIGINT)

    assert process.counters().open == 0


@pytest.mark.parametrize("end", ["os._exit(1)", "os.kill(os.getpid(), 9)", "sys.exit()"])
def test_the_process_ends_with_the_one_that_started_it(end):
    script = f"""
        import os, sys, murmur.testing
        router = murmur.testing.router_process()
        print(router._process.pid, flush=True)
        {end}
        """
    parent = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,  # for two processes to start, however busy the machine
    )

    wait_until(lambda: not is_alive(int(parent.stdout)))
