#!/usr/bin/env bash
# Mosquitto acknowledges 5,000 messages of QoS 1 and gives a subscriber that was slow for 8 s 1,020 of them.
#
# Version: mosquitto 2.0.11 (Debian 2.0.11-1.2+deb12u2), aiomqtt 2.5.1 (PyPI).
# Guess before the run: a subscriber that does not read slows the publisher down, as TCP does, or is
#   disconnected; of QoS 0 nothing is lost while it is connected, and of QoS 1 nothing ever.
# Seen: of 30,000 messages of 1 kB with QoS 0 some 5,000 arrive, and of 5,000 with QoS 1 1,020: the first ones, in
#   order, and nothing after them.  The publisher is not slowed down and has an acknowledgement for each, the
#   subscriber stays connected and is told nothing.  One line in the broker's log, with -v, says so.
# So the numbers at the publisher cannot tell what a broker passed on: only counts at the other end can.
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${broker:-}" 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"
command -v mosquitto > /dev/null || apt-get install --yes --quiet mosquitto > /dev/null
mosquitto -h | head -1 || true
python3 -m venv here
here/bin/pip install --quiet --disable-pip-version-check aiomqtt==2.5.1
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mosquitto -v -p "$port" > broker.txt 2>&1 &
broker=$!
until grep -q running broker.txt; do sleep 0.1; done
cat > subscribe.py <<'PY'
import asyncio
import sys
import time

import aiomqtt

port, qos = map(int, sys.argv[1:])


async def main():
    numbers = []
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("t", qos=qos)
        print("ready", flush=True)
        time.sleep(8)  # busy with something else
        try:
            async with asyncio.timeout(6):
                async for message in client.messages:
                    numbers.append(int(message.payload[:6]))
        except TimeoutError:
            pass
    print(len(numbers), numbers == list(range(len(numbers))))


asyncio.run(main())
PY
cat > publish.py <<'PY'
import asyncio
import subprocess
import sys
import time

import aiomqtt

port, qos, count = map(int, sys.argv[1:])


async def main():
    command = [sys.executable, "subscribe.py", str(port), str(qos)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        other.stdout.readline()
        began = time.monotonic()
        async with aiomqtt.Client("127.0.0.1", port) as client:
            for number in range(count):  # each waits for its acknowledgement, with QoS 1
                await client.publish("t", f"{number:06} {'x' * 1000}", qos=qos)
        took = time.monotonic() - began
        arrived, in_order = other.stdout.read().split()
    print(f"QoS {qos}: {count:,} published in {took:.1f} s, {int(arrived):,} arrived")
    assert in_order == "True"
    assert 0 < int(arrived) < count / 2


asyncio.run(main())
PY
timeout 90 here/bin/python publish.py "$port" 1 5000
timeout 90 here/bin/python publish.py "$port" 0 30000
grep "being dropped" broker.txt
