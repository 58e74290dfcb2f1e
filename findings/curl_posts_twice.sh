#!/usr/bin/env bash
# A server takes an order and closes the connection without an answer: curl sends the order again, and says nothing.
#
# Version: curl 7.88.1 (Debian 7.88.1-10+deb12u14); pycurl 7.49.0 (PyPI, with libcurl 8.23.0), Python 3.11.
# Guess before the run: a POST that was sent and got no answer is error 52, "Empty reply from server": only a request
#   that may be repeated, such as a GET, is repeated, as aiohttp, urllib3 and locust's FastHttpUser do it.
# Seen: nine POSTs over one connection, which the server closes in place of each third answer; curl has nine answers of
#   200 and exit code 0, pycurl nine as well, and the server had 13 orders, 4 of them twice.  libcurl sends whatever
#   a connection that was used before lost without a byte of an answer.
# So a crash in the midst of a request is no failure of the test, and doubles an order; count at the server, or set
#   FRESH_CONNECT.
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"
command -v curl > /dev/null || apt-get install --yes --quiet curl > /dev/null
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pycurl==7.49.0
cat > server.py <<'PY'
import asyncio


async def answer(reader, writer):
    used = 0
    try:
        while head := (await reader.readuntil(b"\r\n\r\n")).lower():
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            print((await reader.readexactly(length)).decode(), flush=True)
            used += 1
            if used == 3:
                break
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    except (OSError, asyncio.IncompleteReadError):
        pass
    writer.close()


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
PY
timeout 60 python3 server.py > had.txt &
server=$!
until [ -s had.txt ]; do sleep 0.1; done
url="http://127.0.0.1:$(head -1 had.txt)/orders"
asked=()
for order in 1 2 3 4 5 6 7 8 9; do
  [ "$order" = 1 ] || asked+=(--next)
  asked+=(--silent --show-error --max-time 10 --write-out "%{http_code}\n" --output /dev/null)
  asked+=(--data "curl-$order" "$url")
done
timeout 30 curl "${asked[@]}" > codes.txt
cat > look.py <<'PY'
import io
import sys
from collections import Counter
from pathlib import Path

import pycurl

codes = {"curl": Counter(int(line) for line in Path("codes.txt").read_text().split()), "pycurl": Counter()}
client = pycurl.Curl()
for order in range(1, 10):
    client.setopt(client.URL, sys.argv[1])
    client.setopt(client.POSTFIELDS, f"pycurl-{order}")
    client.setopt(client.WRITEDATA, io.BytesIO())
    client.setopt(client.TIMEOUT, 10)
    client.perform()
    codes["pycurl"][client.getinfo(client.RESPONSE_CODE)] += 1
had = Counter(Path("had.txt").read_text().split()[1:])
for name, answers in codes.items():
    orders = {order: times for order, times in had.items() if order.startswith(name + "-")}
    twice = [order for order, times in orders.items() if times == 2]
    print(f"{name}: answers {dict(answers)}, the server had {sum(orders.values())}, twice {twice}")
    assert answers == {200: 9}
    assert sum(orders.values()) == 13
    assert len(twice) == 4
PY
timeout 30 venv/bin/python look.py "$url"
