#!/usr/bin/env bash
# 30 tasks ask a CoAP server that takes 80 ms, all at once, over one aiocoap context: the last answer comes after 2.7 s.
#
# Version: aiocoap 0.4.17 (PyPI), Python 3.11.
# Guess before the run: requests of one context are under way together, as each has a token of its own; 0.1 to 0.2 s.
# Seen: the server has one request at a time.  A message that wants to be acknowledged keeps the next one to the same
#   server back until it is, as RFC 7252 has it (NSTART is 1), and an answer within 100 ms is the acknowledgement.
#   A server that takes 500 ms acknowledges first: 5 at a time, the last after 3.5 s.  With 30 contexts it has 30 at a
#   time, and the last answer is there after 0.1 s.
# So users that share a context measure its queue, and slow one another down without a time-out or an error; give
#   each user a context.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check aiocoap==0.4.17
cat > look.py <<'PY'
import asyncio
import socket
import time

import aiocoap
from aiocoap.resource import Resource, Site

TASKS = 30


class Slow(Resource):
    def __init__(self, takes: float) -> None:
        super().__init__()
        self.takes, self.now, self.most = takes, 0, 0

    async def render_get(self, request: aiocoap.Message) -> aiocoap.Message:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(self.takes)
        self.now -= 1
        return aiocoap.Message(payload=b"21")


def free() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def asked(takes: float, contexts: int) -> tuple[int, float]:
    """Return how many requests the server had at most at once, and when the last was answered."""
    port, slow, site = free(), Slow(takes), Site()
    site.add_resource(["warmth"], slow)
    server = await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", port))
    clients = [await aiocoap.Context.create_client_context() for _ in range(contexts)]
    began = time.monotonic()

    async def one(number: int) -> None:
        question = aiocoap.Message(code=aiocoap.GET, uri=f"coap://127.0.0.1:{port}/warmth")
        answer = await clients[number % contexts].request(question).response
        assert answer.payload == b"21"

    await asyncio.gather(*(one(number) for number in range(TASKS)))
    last = time.monotonic() - began
    print(f"{takes} s each, contexts: {contexts}; most at once {slow.most}, the last after {last:.1f} s")
    for context in (*clients, server):
        await context.shutdown()
    return slow.most, last


async def main() -> None:
    most, last = await asked(0.08, contexts=1)
    assert most <= 2
    assert last > TASKS * 0.08
    most, last = await asked(0.5, contexts=1)
    assert most < 15
    assert last > 2.5
    most, last = await asked(0.08, contexts=TASKS)
    assert most > 5


asyncio.run(main())
PY
timeout 60 venv/bin/python look.py
