#!/usr/bin/env bash
# httpx's response.elapsed counts the wait for a connection of the pool.
#
# Version: httpx 0.28.1, httpcore 1.0.9 (PyPI), Python 3.11.
# Guess before the run: `elapsed` is the time from sending a request to its answer, so three requests
#   at once over a pool of one connection, each answered in half a second, have 0.5 s each.
# Seen: 0.5, 1.0 and 1.5 s.  The clock starts before a connection is taken from the pool.
# So what a pool of one's own costs looks like a slow server, in any tool that records `elapsed`; a
# load test gives each user a client of its own, or a pool as large as its users are many.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "httpx==0.28.1" "httpcore==1.0.9"
cat > look.py <<'PY'
import asyncio
import httpx


async def answer(reader, writer):
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            await asyncio.sleep(0.5)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            await writer.drain()
    except asyncio.IncompleteReadError:
        writer.close()


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=1), trust_env=False) as client:
        responses = await asyncio.gather(*(client.get(url) for _ in range(3)))
    seconds = sorted(each.elapsed.total_seconds() for each in responses)
    print("elapsed:", *(f"{each:.1f}" for each in seconds))
    await asyncio.sleep(0.1)
    server.close()
    assert seconds[1] > 0.85 and seconds[2] > 1.3, "elapsed no longer counts the pool"


asyncio.run(main())
PY
timeout 60 venv/bin/python look.py
