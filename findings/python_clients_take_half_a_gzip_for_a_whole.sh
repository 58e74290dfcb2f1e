#!/usr/bin/env bash
# httpx, aiohttp and urllib3 give the first half of a gzipped body as though it were all of it.
#
# Version: httpx 0.28.1, aiohttp 3.14.5, urllib3 2.5.0 (PyPI), Python 3.11.
# Guess before the run: httpx raises DecodingError, aiohttp ContentEncodingError, for gzip says itself where it ends.
# Seen: the answer is whole by its Content-Length, and the gzip in it lacks its last 2,000 bytes, as when a server
#   behind a proxy died while it compressed.  All three give status 200, 5,162 of 10,890 bytes, and no error.  Nor
#   does any miss the last 8 bytes, which hold the checksum and the length.
# So a load test by them counts a page that is cut in half as a good answer, and faster than the others.  Check what
#   a body must end with, or ask with `Accept-Encoding: identity`, where the length tells.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv here
here/bin/pip install --quiet --disable-pip-version-check httpx==0.28.1 aiohttp==3.14.5 urllib3==2.5.0
cat > look.py <<'PY'
import asyncio
import gzip

import aiohttp
import httpx
import urllib3

TEXT = b"".join(b"%d, " % number for number in range(2000))
cut = 0


async def answer(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    packed = gzip.compress(TEXT, mtime=0)
    packed = packed[: len(packed) - cut]
    head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(packed)}\r\n\r\n".encode() + packed)
    await writer.drain()
    writer.close()


async def by_httpx(url: str) -> tuple[int, bytes]:
    async with httpx.AsyncClient() as client:
        response = await client.get(url)
        return response.status_code, response.content


async def by_aiohttp(url: str) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as client, client.get(url) as response:
        return response.status, await response.read()


async def by_urllib3(url: str) -> tuple[int, bytes]:
    response = await asyncio.to_thread(urllib3.request, "GET", url)
    return response.status, response.data


async def main() -> None:
    global cut
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = "http://127.0.0.1:%d/" % server.sockets[0].getsockname()[1]
    for cut in (0, 8, 2000):
        for ask in (by_httpx, by_aiohttp, by_urllib3):
            status, body = await asyncio.wait_for(ask(url), 20)
            print(f"{ask.__name__}, without the last {cut} bytes: {status}, {len(body)} of {len(TEXT)} bytes")
            assert status == 200 and TEXT.startswith(body)
            assert (len(body) < len(TEXT)) == (cut == 2000)
    server.close()


asyncio.run(main())
PY
timeout 60 here/bin/python look.py
