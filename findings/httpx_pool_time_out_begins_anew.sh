#!/usr/bin/env bash
# httpx with a time-out of 1 s: five requests share one connection, the last waits 2.4 s for it and is no PoolTimeout.
#
# Version: httpx 0.28.1, httpcore 1.0.9 (PyPI), Python 3.11.
# Guess before the run: each phase has at most a second, so a request that has waited a second for a connection of the
#   pool is a PoolTimeout.
# Seen: answers take 0.6 s; all five are 200, the last after 3.0 s.  Whenever a connection is free all that wait are
#   woken, one gets it, and for the others a new second begins.  With an answer that takes 1.5 s (and only the
#   time-out of the pool at 1 s) the four others are PoolTimeouts after 1.0 s.
# So the busier a pool is the less its time-out holds, and a load test that counts PoolTimeouts finds none; put a time
#   limit around the whole request.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv here
here/bin/pip install --quiet --disable-pip-version-check httpx==0.28.1 httpcore==1.0.9
cat > look.py <<'PY'
import asyncio
import time

import httpx


async def answer(reader, writer):
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            await asyncio.sleep(float(head.split()[1].strip(b"/")))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    except (OSError, asyncio.IncompleteReadError):
        pass
    writer.close()


async def asked(url: str, timeout: httpx.Timeout) -> tuple[list, list[float]]:
    """Return what became of five requests at once over one connection, and when."""
    async with httpx.AsyncClient(timeout=timeout, limits=httpx.Limits(max_connections=1)) as client:
        began = time.monotonic()

        async def one() -> tuple[float, int | str]:
            try:
                result = (await client.get(url)).status_code
            except httpx.PoolTimeout:
                result = "PoolTimeout"
            return time.monotonic() - began, result

        ends = sorted(await asyncio.gather(*(one() for _ in range(5))))
    print(url[-3:], "s each,", timeout, "-", [f"{result} after {when:.1f} s" for when, result in ends])
    return [result for _, result in ends], [when for when, _ in ends]


async def main() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = "http://127.0.0.1:%d/" % server.sockets[0].getsockname()[1]
    results, when = await asked(url + "0.6", httpx.Timeout(1))
    assert results == [200] * 5
    assert when[-1] > 2.9
    results, when = await asked(url + "1.5", httpx.Timeout(10, pool=1))
    assert results == ["PoolTimeout"] * 4 + [200]
    assert when[0] > 0.9
    await asyncio.sleep(1)  # for the last connections to end
    server.close()


asyncio.run(main())
PY
timeout 60 here/bin/python look.py
