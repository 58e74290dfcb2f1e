"""One HTTP client under the load of many users: run by `tests.benchmarks.http`.

``python -P http_stacks.py STACK URL CONNECTIONS SECONDS`` prints one JSON object.  Every user
has a connection of its own and asks as fast as it can.  The module imports nothing of
murmur's, so that it runs in an environment that holds nothing but the stack.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import uvloop

WARM_UP = 1.5  # s

Get = Callable[[], Awaitable[bool]]


@asynccontextmanager
async def llhttp(url: str) -> AsyncIterator[Get]:
    """Parse with httptools and look at nothing: what no Python client can be below."""
    import httptools

    class Connection(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            self.parser.feed_data(data)

        def on_message_complete(self) -> None:
            self.done.set_result(self.parser.get_status_code())

    loop = asyncio.get_running_loop()
    authority, _, path = url.removeprefix("http://").partition("/")
    host, _, port = authority.partition(":")
    request = f"GET /{path} HTTP/1.1\r\nHost: {authority}\r\nAccept: */*\r\n\r\n".encode()
    transport, connection = await loop.create_connection(Connection, host, int(port))

    async def get() -> bool:
        connection.parser = httptools.HttpResponseParser(connection)
        connection.done = loop.create_future()
        transport.write(request)
        return await connection.done == 200

    yield get
    transport.close()


@asynccontextmanager
async def aiohttp(url: str) -> AsyncIterator[Get]:
    import aiohttp

    async with aiohttp.ClientSession() as session:

        async def get() -> bool:
            async with session.get(url) as response:
                await response.read()
                return response.status == 200

        yield get


@asynccontextmanager
async def httpx(url: str) -> AsyncIterator[Get]:
    import httpx

    async with httpx.AsyncClient(verify=False) as client:

        async def get() -> bool:
            return (await client.get(url)).status_code == 200

        yield get


@asynccontextmanager
async def httpcore(url: str) -> AsyncIterator[Get]:
    import httpcore

    async with httpcore.AsyncConnectionPool() as pool:

        async def get() -> bool:
            return (await pool.request("GET", url)).status == 200

        yield get


@asynccontextmanager
async def niquests(url: str) -> AsyncIterator[Get]:
    import niquests

    async with niquests.AsyncSession() as session:

        async def get() -> bool:
            return (await session.get(url)).status_code == 200

        yield get


@asynccontextmanager
async def pyreqwest(url: str) -> AsyncIterator[Get]:
    from pyreqwest.client import ClientBuilder

    async with ClientBuilder().build() as client:

        async def get() -> bool:
            response = await client.get(url).build().send()
            await response.bytes()
            return response.status == 200

        yield get


STACKS = {each.__name__: each for each in (llhttp, aiohttp, httpx, httpcore, niquests, pyreqwest)}


async def measure(stack: str, url: str, connections: int, seconds: float) -> dict[str, float]:
    """Return requests, failures and CPU seconds of the measured time."""
    counts = {"requests": 0, "failed": 0}
    is_over = False

    async def use() -> None:
        async with STACKS[stack](url) as get:
            while not is_over:
                try:
                    counts["failed"] += not await get()
                except Exception:  # noqa: BLE001 - whatever a stack raises, it is a failure
                    counts["failed"] += 1
                counts["requests"] += 1

    began_cpu = cpu()
    users = [asyncio.ensure_future(use()) for _ in range(connections)]
    await asyncio.sleep(0)
    ready_cpu = cpu() - began_cpu
    await asyncio.sleep(WARM_UP)
    before, cpu_before, began = dict(counts), cpu(), time.monotonic()
    await asyncio.sleep(seconds)
    result = {name: counts[name] - before[name] for name in counts}
    took, used = time.monotonic() - began, cpu() - cpu_before
    is_over = True
    await asyncio.wait(users, timeout=10)
    return {**result, "seconds": took, "cpu": used, "ready_cpu": ready_cpu}


def cpu() -> float:
    """Return CPU seconds of this process, all its threads included."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    stack, url, connections, seconds = sys.argv[1:]
    done = uvloop.run(measure(stack, url, int(connections), float(seconds)))
    sys.stdout.write(json.dumps(done) + "\n")
