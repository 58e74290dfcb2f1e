"""Autobahn's whole suite against murmur's WebSockets: 517 cases, of which 270 take minutes.

``python tests/by_hand/by_hand_autobahn.py`` runs it by `kosoku`, or only the cases that follow,
such as ``"9.*"``; ``--compress`` offers permessage-deflate; ``--server ws://127.0.0.1:9001`` asks
Autobahn's own server instead (``wstest -m fuzzingserver`` of autobahntestsuite 0.8.2 on Python
2.7), whose report then says how it went.

Last figures: see docs/explanation/held-against.md.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections import Counter

import anyio
import kosoku

from murmur.errors import HttpError
from murmur.http import Client, Options

SLOW = 10.0
"""Seconds after which a case is named."""


async def ask(url: str, *, compress: bool) -> None:
    """Go through all cases that the server at `url` has."""
    async with Client(options=Options(base_url=url, timeout=120, connect_timeout=30)) as client:
        async with client.websocket("/getCaseCount") as websocket:
            count = int(await websocket.receive(10))
        for number in range(1, count + 1):
            began = time.monotonic()
            case = f"/runCase?case={number}&agent=murmur"
            with contextlib.suppress(HttpError):
                async with client.websocket(case, compress=compress) as websocket:
                    async for message in websocket:
                        await websocket.send(message)
            if time.monotonic() - began > SLOW:
                say(f"case {number} of {count} took {time.monotonic() - began:.0f} s")
        with contextlib.suppress(HttpError):
            async with client.websocket("/updateReports?agent=murmur") as websocket:
                await websocket.receive(60)
        say(f"{count} cases")


async def judge(cases: list[str], *, compress: bool) -> None:
    """Have `kosoku` run the cases, and say which did not pass."""
    async with kosoku.run_fuzzingserver(cases or None, port=0) as server:
        await ask(f"ws://{server.address}:{server.port}", compress=compress)
        try:
            results = await server.get_result()
        except kosoku.FailureError as error:
            results = error.results
    say(str(Counter(each.behavior.value for each in results)))
    for each in results:
        if not each.passed:
            say(f"{each.case_id}: {each.behavior.value}, {each.result}")


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--compress", action="store_true")
    parser.add_argument("--server")
    given = parser.parse_args()
    if given.server:
        anyio.run(lambda: ask(given.server, compress=given.compress))
    else:
        anyio.run(lambda: judge(given.cases, compress=given.compress))
