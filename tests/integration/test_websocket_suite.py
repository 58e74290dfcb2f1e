"""Autobahn's cases for clients of WebSockets, as `kosoku` runs them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import anyio
import kosoku
import pytest

from murmur.errors import HttpError
from murmur.http import Client, Options

# 9.*, long messages and many of them, is in `tests/by_hand/by_hand_autobahn.py`.
FRAMES = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]

# A thousand short messages of each kind, and for each way to agree on permessage-deflate.
# 13.2, 13.5 and 13.6 talk to clients that offer `client_no_context_takeover`, as browsers do not.
COMPRESSED = [f"12.{kind}.1" for kind in range(1, 6)] + [f"13.{way}.1" for way in (1, 3, 4, 7)]

AT_ONCE = 8


@pytest.fixture
def anyio_backend() -> Any:
    return "asyncio", {"use_uvloop": True}


async def echo(client: Client, numbers: Iterator[int], *, compress: bool) -> None:
    """Send back what each case says, until it ends the connection in whatever way."""
    for number in numbers:
        case = f"/runCase?case={number}&agent=murmur"
        with contextlib.suppress(HttpError):
            async with client.websocket(case, compress=compress) as websocket:
                async for message in websocket:
                    await websocket.send(message)


async def results_of(cases: list[str], *, compress: bool) -> list[kosoku.CaseResult]:
    async with kosoku.run_fuzzingserver(cases, port=0) as server:
        options = Options(base_url=f"ws://{server.address}:{server.port}", timeout=60)
        async with Client(options=options) as client:
            async with client.websocket("/getCaseCount") as websocket:
                numbers = iter(range(1, int(await websocket.receive(10)) + 1))
            async with anyio.create_task_group() as tasks:
                for _ in range(AT_ONCE):
                    tasks.start_soon(lambda: echo(client, numbers, compress=compress))
            with contextlib.suppress(HttpError):
                async with client.websocket("/updateReports?agent=murmur") as websocket:
                    await websocket.receive(10)
            try:
                return await server.get_result()
            except kosoku.FailureError as error:
                return error.results


@pytest.mark.parametrize(
    ("cases", "compress", "count"),
    [(FRAMES, False, 247), (COMPRESSED, True, 9)],
    ids=["frames", "compressed"],
)
async def test_every_case_passes(cases: list[str], compress: bool, count: int) -> None:
    results = await results_of(cases, compress=compress)

    assert len(results) == count
    assert [each.case_id for each in results if not each.passed] == []
