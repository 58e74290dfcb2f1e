#!/usr/bin/env bash
# One script of half a second, asked for once with a time-out of 0.3 s: Redis runs it 11 times.
#
# Version: redis 8.1.0 (PyPI), Python 3.11; redis-server 7.0.15 (Debian 5:7.0.15-1~deb12u10).
# Guess before the run: a TimeoutError after 0.3 s, and the script ran once (with redis 5.2.1 it is so).
# Seen: the TimeoutError comes after 7.4 to 8.7 s, and the key that the script increments is 11.  The client sends a
#   command again, 10 times by itself, also after its time-out and whether or not it may be repeated; each time the
#   server has to finish the one before first.  The asyncio client and the other do the same.
# So a server that becomes slower gets eleven times the load for it, counters are too high, and time-outs take much
#   longer than they say; retry=None leaves it to the caller (with it 0.3 s, and once).
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"
command -v redis-server > /dev/null || apt-get install --yes --quiet redis-server > /dev/null
for version in 8.1.0 5.2.1; do
  python3 -m venv "redis-$version"
  "redis-$version/bin/pip" install --quiet --disable-pip-version-check "redis==$version"
done
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
timeout 120 redis-server --port "$port" --bind 127.0.0.1 --save "" > server.txt &
server=$!
until redis-cli -p "$port" ping > /dev/null 2>&1; do sleep 0.1; done
cat > look.py <<'PY'
import asyncio
import sys
import time

import redis
import redis.asyncio

port = int(sys.argv[1])
SCRIPT = """
redis.call('incr', 'runs')
local function now() local at = redis.call('time') return at[1] * 1000000 + at[2] end
local began = now()
while now() - began < 500000 do end
"""


def runs() -> int:
    """Return how often the script ran, once nothing is under way any more."""
    time.sleep(1)
    return int(redis.Redis(port=port, socket_timeout=10).getdel("runs"))


def timed_out(took: float) -> tuple[float, int]:
    ran = runs()
    print(f"redis {redis.__version__}: TimeoutError after {took:.1f} s, ran {ran} times")
    return took, ran


def asked(**options: None) -> tuple[float, int]:
    client = redis.Redis(port=port, socket_timeout=0.3, **options)
    client.ping()
    began = time.monotonic()
    try:
        client.eval(SCRIPT, 0)
    except redis.TimeoutError:
        return timed_out(time.monotonic() - began)
    raise SystemExit("no time-out")


async def asked_by_asyncio() -> float:
    async with redis.asyncio.Redis(port=port, socket_timeout=0.3) as client:
        await client.ping()
        began = time.monotonic()
        try:
            await client.eval(SCRIPT, 0)
        except redis.TimeoutError:
            return time.monotonic() - began
    raise SystemExit("no time-out")


took, ran = asked()
if redis.__version__ == "5.2.1":
    assert ran == 1
else:
    assert ran == 11
    assert took > 4
    took, ran = timed_out(asyncio.run(asked_by_asyncio()))
    assert ran == 11
    assert took > 4
    took, ran = asked(retry=None)
    assert ran == 1
PY
for version in 8.1.0 5.2.1; do
  timeout 60 "redis-$version/bin/python" look.py "$port"
done
