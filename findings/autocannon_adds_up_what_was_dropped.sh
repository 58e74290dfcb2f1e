#!/usr/bin/env bash
# A server answers within a millisecond and drops each tenth request; autocannon says 0 errors and 200 ms.
#
# Version: autocannon 9.0.0 (npm), Node.js 20.
# Guess before the run: each connection that is closed without an answer is an error, as a connection
#   that is refused is, and the latencies are those of the answers: below 1 ms.
# Seen: one connection, 4 s: the server dropped 1,340 of 13,406 requests, and autocannon reports 0 errors, 0
#   resets and 0 time-outs.  After each drop the next answer is counted from the start of a request that was
#   dropped before, so that latencies grow as long as the run lasts: median 111 to 208 ms, greatest 230 to 621 ms.
# So a proxy that cuts idle connections makes a fast server look slow and never wrong; compare "sent" with the
#   number of answers, which is all that tells.
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund autocannon@9.0.0 > /dev/null
cat > server.py <<'PY'
import asyncio

asked = dropped = 0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def answer(reader, writer):
    global asked, dropped
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            asked += 1
            if asked % 10 == 0:
                dropped += 1
                break
            writer.write(OK)
    except (OSError, asyncio.IncompleteReadError):
        pass
    writer.close()


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.sleep(8)
    print(asked, dropped, flush=True)


asyncio.run(main())
PY
python3 server.py > server.txt &
server=$!
until [ -s server.txt ]; do sleep 0.1; done
timeout 60 node_modules/.bin/autocannon -c 1 -d 4 --json "http://127.0.0.1:$(head -1 server.txt)/" \
  > told.json 2> /dev/null
wait "$server"
python3 - <<'PY'
import json
from pathlib import Path

asked, dropped = map(int, Path("server.txt").read_text().split()[1:])
told = json.loads(Path("told.json").read_text())
latency = told["latency"]
print(f"the server dropped {dropped:,} of {asked:,}; autocannon: {told['errors']} errors,")
print(f"{told['requests']['sent']:,} sent, {told['2xx']:,} answered, latency {latency['p50']} to {latency['max']} ms")
assert dropped > 50
assert told["errors"] == told["resets"] == told["timeouts"] == told["non2xx"] == 0
assert told["requests"]["sent"] - told["2xx"] >= dropped - 1
assert latency["p50"] > 30
PY
