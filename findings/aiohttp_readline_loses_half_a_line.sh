#!/usr/bin/env bash
# A line of a streamed answer comes in two halves; a time limit between them, and aiohttp has the second half only.
#
# Version: aiohttp 3.14.5 (PyPI), Python 3.11; asyncio's own reader beside it.
# Guess before the run: `readline` takes a line out of the buffer when it is whole, as asyncio's does, so that a call
#   which was cancelled or timed out has taken nothing, and the next one returns the line.
# Seen: b"first half, " waits in the buffer; `asyncio.timeout(0.3)` around `response.content.readline()` ends it;
#   the next call returns b"second half\n" without an error.  asyncio's StreamReader returns
#   b"first half, second half\n".  `readexactly` and `async for line in response.content` lose it as well.
# So a loop that looks for the next line of a log, of JSON lines or of events for a while and then does something
#   else loses parts of them; a line that came whole is never lost.  Read in a task of its own and hand on whole lines.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv here
here/bin/pip install --quiet --disable-pip-version-check aiohttp==3.14.5
cat > look.py <<'PY'
import asyncio

import aiohttp

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n"


async def lines(readline, go_on: asyncio.Event) -> list[bytes | str]:
    """Return what `readline` gave, asked again after a time limit that fell between two halves."""
    seen: list[bytes | str] = []
    while len(seen) < 2:
        try:
            async with asyncio.timeout(10 if go_on.is_set() else 0.3):
                seen.append(await readline())
        except TimeoutError:
            seen.append("time-out")
            go_on.set()
    return seen


async def main() -> None:
    go_on = asyncio.Event()

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + b"first half, ")
        await go_on.wait()
        writer.write(b"second half\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}/") as response:
        theirs = await lines(response.content.readline, go_on)
    print("aiohttp:", theirs)
    go_on.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    pythons = await lines(reader.readline, go_on)
    print("asyncio:", pythons)
    writer.close()
    server.close()
    assert theirs == ["time-out", b"second half\n"]
    assert pythons == ["time-out", b"first half, second half\n"]


asyncio.run(main())
PY
timeout 60 here/bin/python look.py
