#!/usr/bin/env bash
# autocannon at a fixed rate says that it sent 109 requests in 6 s; the server had 60.
#
# Version: autocannon 9.0.0 (npm), Node.js 20.
# Guess before the run: with a rate its latencies are corrected for what a slow answer kept back, as its manual
#   says, and `requests.sent` is what the server had.
# Seen: one connection, 50 requests a second asked for, each tenth answer after a second: 59 answers, "sent" 109
#   and the line "109 requests in 6.01s", which is nowhere near the 300 that were asked for, either.
#   Each slow answer adds some ten to "sent" for which no byte came.  The rates
#   (`requests.average`, `total`) are right.
# So with a rate the difference of "sent" and "2xx" is no count of lost answers.
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund autocannon@9.0.0 > /dev/null
cat > server.py <<'PY'
import asyncio

asked = 0


async def answer(reader, writer):
    global asked
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            asked += 1
            if asked % 10 == 0:
                await asyncio.sleep(1)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    except (OSError, asyncio.IncompleteReadError):
        writer.close()


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.sleep(10)
    print(asked, flush=True)


asyncio.run(main())
PY
python3 server.py > server.txt &
server=$!
until [ -s server.txt ]; do sleep 0.1; done
timeout 60 node_modules/.bin/autocannon -c 1 -d 6 -R 50 --json "http://127.0.0.1:$(head -1 server.txt)/" \
  > told.json 2> /dev/null
wait "$server"
python3 - <<'PY'
import json
from pathlib import Path

asked = int(Path("server.txt").read_text().split()[1])
told = json.loads(Path("told.json").read_text())
sent, answered = told["requests"]["sent"], told["2xx"]
print(f"the server had {asked} requests; autocannon: {sent} sent, {answered} answered, {told['errors']} errors")
assert answered <= asked <= answered + 1
assert sent > 1.4 * asked
assert told["errors"] == told["timeouts"] == 0
PY
