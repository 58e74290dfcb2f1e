#!/usr/bin/env bash
# A stream of 1,000 orders is cut to 100; a group is given those, and Redis says that it read 1,000, with a lag of 0.
#
# Version: redis-server 7.0.15 (Debian 5:7.0.15-1~deb12u10), redis 8.1.0 (PyPI), Python 3.11.
# Guess before the run: `entries-read` is what the group was given, 100, and the 900 that were cut off before it came
#   to them are in the lag, or in no figure.
# Seen: `XADD ... MAXLEN = 100` for 1,000 entries, then a group from the beginning reads and acknowledges all that is
#   there: entries-read 1000, pending 0, lag 0.  A group that had read five of ten before 1,000 others came has a lag
#   of 1005 while 100 can be read; its five unacknowledged ones stay `pending`, and are handed out again
#   without their fields.
# So a consumer that lost nine orders in ten has the same figures as one that had them all; count what was handed
#   out, and compare it with `entries-added` of XINFO STREAM.
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"
command -v redis-server > /dev/null || apt-get install --yes --quiet redis-server > /dev/null
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check redis==8.1.0
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
timeout 60 redis-server --port "$port" --bind 127.0.0.1 --save "" > server.txt &
server=$!
until redis-cli -p "$port" ping > /dev/null 2>&1; do sleep 0.1; done
cat > look.py <<'PY'
import sys

import redis

client = redis.Redis(port=int(sys.argv[1]), decode_responses=True)


def add(number: int) -> None:
    for order in range(number):
        client.xadd("orders", {"order": order}, maxlen=100, approximate=False)


def read(count: int) -> int:
    """Hand the group up to so many entries, and return how many it was given."""
    return sum(len(entries) for _, entries in client.xreadgroup("staff", "one", {"orders": ">"}, count=count))


def told(name: str) -> tuple[int, int, int]:
    (group,) = client.xinfo_groups("orders")
    print(f"{name}: entries-read {group['entries-read']}, pending {group['pending']}, lag {group['lag']}")
    return group["entries-read"], group["pending"], group["lag"]


add(1_000)
client.xgroup_create("orders", "staff", "0")
handed = read(2_000)
assert handed == 100
assert client.xack("orders", "staff", *(key for key, _ in client.xrange("orders"))) == 100
assert told("1,000 orders, 100 handed out and acknowledged") == (1_000, 0, 0)
assert client.xinfo_stream("orders")["entries-added"] == 1_000

client.delete("orders")
client.xgroup_create("orders", "staff", "0", mkstream=True)
add(10)
assert read(5) == 5
add(1_000)
assert told("5 of 10 handed out, then 1,000 more") == (5, 5, 1_005)
((_, again),) = client.xreadgroup("staff", "one", {"orders": "0"})
print("handed out again:", again)
assert [fields for _, fields in again] == [{}] * 5
handed = read(2_000)
print("left to hand out:", handed)
assert handed == 100
PY
timeout 40 venv/bin/python look.py "$port"
