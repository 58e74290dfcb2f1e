#!/usr/bin/env bash
# 300 tasks ask Redis for a key over one client, and 200 of them fail before anything is sent.
#
# Version: redis 8.1.0 (PyPI), Python 3.11; redis-server 7.0.15 (Debian 5:7.0.15-1~deb12u10).
# Guess before the run: as with redis 7, the client's pool has no limit worth the name, so each task has a
#   connection of its own, and the server 300 (with redis 7.4.1 it has).
# Seen: the pool ends at 100 connections, and does not wait for one to be free: 200 calls raise MaxConnectionsError
#   at once, "Too many connections", while the server had 100 clients and refused none.  A
#   BlockingConnectionPool of the same size has all 300 answered.
# So after an upgrade a load test of more than 100 users over one client reports failures of a server that never
#   heard of them; give it a pool that waits, or `max_connections`.
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"
command -v redis-server > /dev/null || apt-get install --yes --quiet redis-server > /dev/null
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check redis==8.1.0
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
timeout 90 redis-server --bind 127.0.0.1 --port "$port" --save "" --maxclients 1000 > server.txt &
server=$!
until grep -q 'Ready to accept' server.txt; do sleep 0.1; done
cat > look.py <<'PY'
import asyncio
import sys
from collections import Counter

from redis.asyncio import BlockingConnectionPool, Redis

port = int(sys.argv[1])


async def ask(client: Redis) -> Counter[str]:
    """Return what became of 300 calls at once: the name of the error, or an answer."""
    async with client:
        answers = await asyncio.gather(*(client.get("key") for _ in range(300)), return_exceptions=True)
        state = await client.info()
        print(state["connected_clients"], "clients at the server,", state["rejected_connections"], "refused")
        assert state["rejected_connections"] == 0
    return Counter(type(each).__name__ if isinstance(each, Exception) else "answer" for each in answers)


async def main() -> None:
    seen = await ask(Redis(port=port))
    print(dict(seen))
    assert seen == {"answer": 100, "MaxConnectionsError": 200}
    waiting = await ask(Redis.from_pool(BlockingConnectionPool(max_connections=100, timeout=20, port=port)))
    print(dict(waiting))
    assert waiting == {"answer": 300}


asyncio.run(main())
PY
timeout 60 venv/bin/python look.py "$port"
