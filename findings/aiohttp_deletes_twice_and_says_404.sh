#!/usr/bin/env bash
# A server deletes an item and closes the connection without an answer: aiohttp asks again, and the user has a 404.
#
# Version: aiohttp 3.14.5 (PyPI), Python 3.11.
# Guess before the run: ServerDisconnectedError, and the server was asked once; a GET perhaps twice.
# Seen: over a connection that was used before, GET, PUT and DELETE are sent a second time over a new one, without an
#   error or a line in the log: the PUT is 200 and was done twice, the DELETE is 404 for an item that it deleted itself.
#   POST and PATCH are ServerDisconnectedError, sent once.
# So a server that drops requests has no failures but those of 404, and more requests than users made; pass
#   `aiohttp.TCPConnector(force_close=True)` where each has to be sent once, or count on the server's side.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check aiohttp==3.14.5
cat > look.py <<'PY'
import asyncio
import logging

import aiohttp

logged = []
logging.basicConfig(level=logging.INFO, handlers=[logging.Handler()])
logging.getLogger().handlers[0].emit = logged.append
seen: list[str] = []


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the first request of a connection, and take the second without a word."""
    for number in (1, 2):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:
            break
        if "content-length: 4" in head.lower():
            await reader.readexactly(4)
        method = head.split()[0]
        seen.append(method)
        if number == 2:
            break
        gone = method == "DELETE" and seen.count("DELETE") > 1
        status = "404 Not Found" if gone else "200 OK"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
    writer.close()


async def asked(url: str, method: str, **options: bool) -> int | str:
    seen.clear()
    connector = aiohttp.TCPConnector(**options)
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.head(url) as response:
            await response.read()
        body = b"more" if method in ("PUT", "POST", "PATCH") else None
        try:
            async with session.request(method, url, data=body) as response:
                return response.status
        except aiohttp.ServerDisconnectedError as error:
            return type(error).__name__


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/item"
    for method in ("GET", "PUT", "DELETE", "POST", "PATCH"):
        told = await asked(url, method)
        print(f"{method}: the client has {told}, the server {seen.count(method)} requests, logged {len(logged)}")
        again = method in ("GET", "PUT", "DELETE")
        assert seen.count(method) == (2 if again else 1)
        assert told == (404 if method == "DELETE" else 200 if again else "ServerDisconnectedError")
        assert not logged
    told = await asked(url, "DELETE", force_close=True)
    print(f"DELETE with force_close: {told}, {seen.count('DELETE')} request")
    assert (told, seen.count("DELETE")) == (200, 1)


asyncio.run(main())
PY
timeout 60 venv/bin/python look.py
