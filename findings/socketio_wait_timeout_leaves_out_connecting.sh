#!/usr/bin/env bash
# python-socketio's connect(wait_timeout=1) waits 5 s for a silent server, and over a WebSocket as long as that lives.
#
# Version: python-socketio 5.18.1, aiohttp 3.14.5 (PyPI), Python 3.11.
# Guess before the run: `wait_timeout` is how long a client waits for its connection, so both raise after 1 s.
# Seen: the server takes the connection and says nothing.  By polling a ConnectionError, "Connection refused by the
#   server", after 5.1 to 5.9 s, which is `request_timeout`; with transports=["websocket"] nothing for 45 s, when
#   the run was ended, and with request_timeout=2 nothing for 15 s.  `wait_timeout` begins when the transport is there.
# So a server that stands still looks like one that refuses, or not at all: put a time limit around `connect`.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check python-socketio==5.18.1 aiohttp==3.14.5
cat > look.py <<'PY'
import asyncio
import socket
import time

import socketio

LIMIT = 12


async def connected(port: int, transport: str, **options: float) -> tuple[str, float]:
    """Return what became of a connect with a time-out of one second, and after how long."""
    client = socketio.AsyncClient(reconnection=False, **options)
    began = time.monotonic()
    try:
        async with asyncio.timeout(LIMIT):
            await client.connect(f"http://127.0.0.1:{port}", wait_timeout=1, transports=[transport])
        raise SystemExit("connected to a silent server")
    except TimeoutError:
        told = "nothing"
    except socketio.exceptions.ConnectionError as error:
        told = str(error)
    took = time.monotonic() - began
    print(f"{transport}, {options or 'its own time-outs'}: {told!r} after {took:.1f} s")
    if client.eio.http is not None:
        await client.eio.http.close()
    return told, took


async def main() -> None:
    server = socket.create_server(("127.0.0.1", 0))  # the kernel takes connections, nobody reads them
    port = server.getsockname()[1]
    told, took = await connected(port, "polling")
    assert told == "Connection refused by the server"
    assert 4.9 < took < LIMIT
    told, _ = await connected(port, "websocket")
    assert told == "nothing"
    told, _ = await connected(port, "websocket", request_timeout=2)
    assert told == "nothing"
    server.close()


asyncio.run(main())
PY
timeout 60 venv/bin/python look.py
