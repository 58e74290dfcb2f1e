#!/usr/bin/env bash
# Redis ends a subscriber's connection and 50 messages pass: the client subscribes again, and nobody hears of the gap.
#
# Version: redis 8.1.0 (PyPI), Python 3.11; redis-server 7.0.15 (Debian 5:7.0.15-1~deb12u10).
# Guess before the run: `get_message` raises ConnectionError, as any other command does whose connection is gone.
# Seen: the subscriber has messages 0 to 9; the server ends its connection, as it does with one that is too slow; 50
#   messages are published, and reach 0 subscribers.  The next `get_message` returns a message of type "subscribe" as
#   at the beginning, and then 60 to 64.  Nothing is raised or logged, and with
#   ignore_subscribe_messages=True there is not even that.
# So lost messages are a smaller number and no failure; number the messages, or take every "subscribe" after the
#   first for an outage.
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
import logging
import sys

import redis

port = int(sys.argv[1])
logged = []
logging.basicConfig(level=logging.WARNING, handlers=[logging.Handler()])
logging.getLogger().handlers[0].emit = logged.append


def heard(subscriber: redis.client.PubSub) -> list[int | str]:
    """Return what has come, until nothing does for a second: numbers, and the types of other messages."""
    messages = []
    while message := subscriber.get_message(timeout=1):
        messages.append(int(message["data"]) if message["type"] == "message" else message["type"])
    return messages


publisher = redis.Redis(port=port)
for ignore in (False, True):
    subscriber = redis.Redis(port=port).pubsub(ignore_subscribe_messages=ignore)
    subscriber.subscribe("news")
    subscriber.get_message(timeout=1)
    for number in range(10):
        publisher.publish("news", number)
    before = [int(subscriber.get_message(timeout=1)["data"]) for _ in range(10)]
    assert publisher.execute_command("CLIENT", "KILL", "TYPE", "pubsub") == 1
    reached = sum(publisher.publish("news", number) for number in range(10, 60))
    after = [subscriber.get_message(timeout=1)]
    for number in range(60, 65):
        publisher.publish("news", number)
    after = [each["type"] for each in after if each] + heard(subscriber)
    print(f"ignore_subscribe_messages={ignore}: {before}, {reached} reached, {after}, logged {len(logged)}")
    assert before == list(range(10))
    assert reached == 0
    assert after == [*([] if ignore else ["subscribe"]), 60, 61, 62, 63, 64]
    assert not logged
    subscriber.close()
PY
timeout 40 venv/bin/python look.py "$port"
