#!/usr/bin/env bash
# Ten orders, and a worker that takes them and acknowledges none: JetStream has 0 pending and 0 to be acknowledged.
#
# Version: nats-server 2.9.10 (Debian 2.9.10-1+b3), nats-py 2.16.0 (PyPI), Python 3.11.
# Guess before the run: messages that were given out as often as `max_deliver` allows stay in `num_ack_pending`, or in
#   another figure of what failed.
# Seen: max_deliver=1, ack_wait=0.5: at first num_ack_pending 10; after the next look for messages, num_pending 0 and
#   num_ack_pending 0, as where all was done.  `num_redelivered` is 10, although nothing was delivered twice,
#   and the acknowledgement floor stays at 0.
# So a queue that gave up on everything looks empty and well; compare `ack_floor` with `delivered`, or look at
#   `num_redelivered`.
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"
command -v nats-server > /dev/null || apt-get install --yes --quiet nats-server > /dev/null
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check nats-py==2.16.0
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
timeout 60 nats-server -a 127.0.0.1 -p "$port" -js -sd "$work/store" > server.txt 2>&1 &
server=$!
until python3 -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2> /dev/null; do sleep 0.1; done
cat > look.py <<'PY'
import asyncio
import sys
from typing import Any

import nats
from nats.js.api import ConsumerConfig


def figures(name: str, info: Any) -> tuple[int, int, int, int, int]:
    seen = (
        info.num_pending,
        info.num_ack_pending,
        info.num_redelivered,
        info.ack_floor.stream_seq,
        info.delivered.stream_seq,
    )
    print("{}: pending {}, to be acknowledged {}, redelivered {}, floor {}, delivered {}".format(name, *seen))
    return seen


async def main() -> None:
    client = await nats.connect(f"nats://127.0.0.1:{sys.argv[1]}")
    print("nats-server", client.connected_server_version)
    stream = client.jetstream()
    await stream.add_stream(name="ORDERS", subjects=["orders"])
    for name, acknowledges in (("done", True), ("given up", False)):
        await stream.purge_stream("ORDERS")
        limits = ConsumerConfig(ack_wait=0.5, max_deliver=1, deliver_policy="all")
        worker = await stream.pull_subscribe("orders", name.replace(" ", "_"), config=limits)
        for number in range(10):
            await stream.publish("orders", str(number).encode())
        messages = await worker.fetch(10, timeout=5)
        assert len(messages) == 10
        assert (await worker.consumer_info()).num_ack_pending == 10
        for message in messages if acknowledges else ():
            await message.ack_sync()
        for _ in range(2):
            try:
                await worker.fetch(1, timeout=1)
                raise SystemExit("delivered again")
            except nats.errors.TimeoutError:
                pass
        pending, waiting, redelivered, floor, delivered = figures(name, await worker.consumer_info())
        assert (pending, waiting) == (0, 0)
        assert redelivered == (0 if acknowledges else 10)
        assert (floor == delivered) == acknowledges
    await client.close()


asyncio.run(main())
PY
timeout 40 venv/bin/python look.py "$port"
