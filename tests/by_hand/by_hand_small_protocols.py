"""Five-liners of docs/how-to/small_protocols.py, each with a server of its own library.

By hand, as their libraries are 40 MB that nothing else here needs:

    pip install pymodbus asyncua asyncssh dnspython aiocoap
    pytest tests/by_hand/by_hand_small_protocols.py

Last seen in November 2026 with pymodbus 3.16.1, asyncua 2.1.0, asyncssh 2.24.1, dnspython 2.9.2
and aiocoap 0.4.17, on a machine with a load of 28 on two cores: 20 users each, 144 to 200 actions
in five seconds, none failed, all left within 0.1 s (CoAP 0.5 s, OPC UA 1.9 s).
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import murmur

HERE = Path(__file__).parent
SCENARIOS = HERE.parents[1] / "docs" / "how-to" / "small_protocols.py"
USERS = 20
PATIENCE = 60.0


@pytest.fixture
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Return the port of a server of the protocol."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [sys.executable, str(HERE / "small_servers.py"), request.param, str(port)]
    server = subprocess.Popen(command)
    deadline = time.monotonic() + PATIENCE
    with socket.socket() as probe:
        while probe.connect_ex(("127.0.0.1", port)):
            assert time.monotonic() < deadline
            assert server.poll() is None
            time.sleep(0.1)
    yield port
    server.kill()
    server.wait(10)


@pytest.mark.parametrize(
    ("port", "scenario"),
    [
        ("modbus", "Registers"),
        ("opcua", "Tags"),
        ("ssh", "Commands"),
        ("names", "Names"),
        ("coap", "Sensors"),
    ],
    indirect=["port"],
)
def test_users_ask_and_leave_in_order(port: int, scenario: str) -> None:
    with murmur.Session() as session:
        run = session.do(
            f"{SCENARIOS}:{scenario}", USERS, port=port, pace=0.5, user_rate=float("inf")
        )
        deadline = time.monotonic() + PATIENCE
        while run.results.windows["count"].sum() < 4 * USERS:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        began = time.monotonic()
        run.stop()
        run.wait(timeout=PATIENCE)

        assert time.monotonic() - began < 4
        assert run.results.summary().users == {"left": USERS}
        assert run.results.windows["failed"].sum() == 0
        assert run.results.errors.empty
        assert "amoc.user.leftovers" not in set(run.results.events["name"])
