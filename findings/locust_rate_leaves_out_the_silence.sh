#!/usr/bin/env bash
# A server answers for 3 s and is silent for the other 9; locust tells the rate of the first 3 s, and 0 failures.
#
# Version: locust 2.47.0 (PyPI), Python 3.11.
# Guess before the run: "Requests/s" in the file of --csv is the number of requests by the 12 s of the run.
# Seen: it is the number by the time from the start to the last answer, 437 a second instead of 110: four times
#   as many.  The request that waits is in no column: 0 failures, a maximum of 27 ms, exit code 0.
# So the rate of a system that comes to a halt looks like that of one which does not; divide the count by the
#   run's time, and give each request a time-out that is shorter than the run.
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check locust==2.47.0
cat > server.py <<'PY'
import asyncio
import time

first = None


async def answer(reader, writer):
    global first
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            first = first or time.monotonic()
            if time.monotonic() - first > 3:
                await asyncio.sleep(60)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    except (OSError, asyncio.IncompleteReadError):
        writer.close()


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
PY
timeout 90 python3 server.py > port &
server=$!
until [ -s port ]; do sleep 0.1; done
cat > locustfile.py <<'PY'
from locust import FastHttpUser, constant, task


class Asks(FastHttpUser):
    wait_time = constant(0)

    @task
    def ask(self):
        self.client.get("/")
PY
code=0
timeout 60 venv/bin/locust --headless --host "http://127.0.0.1:$(cat port)" -u 1 -r 1 -t 12s --csv out --only-summary \
  > told.txt 2>&1 || code=$?
python3 - "$code" <<'PY'
import csv
import sys

row = next(each for each in csv.DictReader(open("out_stats.csv")) if each["Name"] == "Aggregated")
count, rate = int(row["Request Count"]), float(row["Requests/s"])
print(f"{count:,} requests in 12 s are {count / 12:.0f} a second; locust: {rate:.0f}, ", end="")
print(f"{row['Failure Count']} failures, greatest {float(row['Max Response Time']):.0f} ms, exit code {sys.argv[1]}")
assert rate > 2.5 * count / 12
assert row["Failure Count"] == sys.argv[1] == "0"
assert float(row["Max Response Time"]) < 3000
PY
