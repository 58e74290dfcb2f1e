#!/usr/bin/env bash
# A client of python-socketio emits 1,000 orders and disconnects: none arrives, and nothing is raised.
#
# Version: python-socketio 5.18.1, aiohttp 3.14.5 (PyPI), Python 3.11.
# Guess before the run: `await emit(...)` has sent it, or `await disconnect()` sends what is left; all 1,000 arrive.
# Seen: over a WebSocket 0 of 1,000 arrive with `disconnect()`, and 0 with `shutdown()`; all of them where a call
#   that waits for its answer, `await client.call(...)`, comes last.  `emit` puts a message into a queue
#   and never waits, and the queue is dropped with the connection.
# So a user who orders and leaves has made no order, and no failure; end with a `call`, or use it for what counts.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check python-socketio==5.18.1 aiohttp==3.14.5
cat > look.py <<'PY'
import asyncio
import logging

import aiohttp.web
import socketio

logged = []
logging.basicConfig(level=logging.WARNING, handlers=[logging.Handler()])
logging.getLogger().handlers[0].emit = logged.append
arrived = 0
gone = asyncio.Event()
server = socketio.AsyncServer(async_mode="aiohttp")


@server.event
async def order(_: str, number: int) -> str:
    global arrived
    arrived += 1
    return "taken"


@server.event
async def disconnect(*_: object) -> None:
    gone.set()


async def ordered(port: int, end: str) -> int:
    """Return how many of 1,000 orders the server has once the client is gone."""
    global arrived
    arrived = 0
    gone.clear()
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(f"http://127.0.0.1:{port}", transports=["websocket"])
    for number in range(999 if end == "call" else 1_000):
        await client.emit("order", number)
    if end == "call":
        assert await client.call("order", 999) == "taken"
    await (client.shutdown() if end == "shutdown" else client.disconnect())
    await asyncio.wait_for(gone.wait(), 20)
    await asyncio.sleep(0.5)
    print(f"{end}: {arrived} of 1,000 arrived, {len(logged)} lines logged")
    return arrived


async def main() -> None:
    application = aiohttp.web.Application()
    server.attach(application)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    assert await ordered(port, "disconnect") == 0
    assert await ordered(port, "shutdown") == 0
    assert await ordered(port, "call") == 1_000
    assert not logged
    await runner.cleanup()


asyncio.run(main())
PY
timeout 60 venv/bin/python look.py
