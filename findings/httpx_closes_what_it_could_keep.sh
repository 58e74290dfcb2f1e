#!/usr/bin/env bash
# 20 tasks share a client of httpx and need 20 connections; 40 tasks need some 400 for 400 requests.
#
# Version: httpx 0.28.1, httpcore 1.0.9 (PyPI), Python 3.11; its default limits.
# Guess before the run: up to 20 connections are kept while nobody needs them; a task that asks again at once finds
#   its own, so that a task costs one connection, and some more are opened where many answers come together.
# Seen: every task asks again as soon as it has its answer.  20 tasks: 20 connections; 40: 395 or more for 400
#   requests; 40 with max_keepalive_connections=40: 40.  httpcore means to count its idle connections and counts
#   all, so that above 20 in use each is closed the moment its answer is read.
# So a load test that shares one client, beyond 20 users, is one of connecting (and of TLS), at the cost of both
#   sides, and nothing says so; count connections at the server, or raise both limits together.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv here
here/bin/pip install --quiet --disable-pip-version-check httpx==0.28.1 httpcore==1.0.9
cat > look.py <<'PY'
import asyncio
import random

import httpx

random.seed(1)
opened = answered = 0


async def answer(reader, writer):
    global opened, answered
    opened += 1
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            answered += 1
            await asyncio.sleep(random.uniform(0.02, 0.2))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    except (OSError, asyncio.IncompleteReadError):
        pass
    writer.close()


async def asked(url: str, tasks: int, **limits: int) -> int:
    """Return how many connections ten requests of each task took."""
    global opened, answered
    opened = answered = 0
    kept = {"limits": httpx.Limits(max_connections=100, **limits)} if limits else {}
    async with httpx.AsyncClient(timeout=60, **kept) as client:

        async def user() -> None:
            for _ in range(10):
                (await client.get(url)).raise_for_status()

        await asyncio.gather(*(user() for _ in range(tasks)))
    print(f"{tasks} tasks, {limits or 'default limits'}: {answered} requests on {opened} connections")
    assert answered == 10 * tasks
    return opened


async def main() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=500)
    url = "http://127.0.0.1:%d/" % server.sockets[0].getsockname()[1]
    assert await asked(url, 20) < 40
    assert await asked(url, 40) > 250
    assert await asked(url, 40, max_keepalive_connections=40) < 80
    await asyncio.sleep(1)  # for the last connections to end
    server.close()


asyncio.run(main())
PY
timeout 60 here/bin/python look.py
