#!/usr/bin/env bash
# Each tenth answer breaks off before its end; hey and siege count all of them as good, and their bytes too.
#
# Version: hey 0.1.4 (Debian 0.1.4-2+b4), siege 4.0.7 (Debian 4.0.7-1+b1); wrk 4.1.0 beside them.
# Guess before the run: a body shorter than its Content-Length is an error in any tool ("unexpected EOF"), as it
#   is in wrk, which counts a read error for each.
# Seen: the server promises 1,000 bytes and closes after 500 each tenth time.  hey: status 200 for each request,
#   no "Error distribution", and "Size/request: 1000 bytes"; siege: availability 100.00 %, 0 failed.
# So a server that dies in the midst of its answers, or a proxy that cuts them, passes these tests; look
#   into the server's or the proxy's log for answers that were cut off, or ask with another client.
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"
export HOME="$work" # siege writes its settings there
for each in hey siege wrk; do
  command -v "$each" > /dev/null || apt-get install --yes --quiet "$each" > /dev/null
done
cat > server.py <<'PY'
import asyncio
import itertools

number = itertools.count(1)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


async def answer(reader, writer):
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            if next(number) % 10 == 0:
                writer.write(HEAD + b"x" * 500)
                break
            writer.write(HEAD + b"x" * 1000)
    except (OSError, asyncio.IncompleteReadError):
        pass
    writer.close()


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.sleep(40)


asyncio.run(main())
PY
timeout 60 python3 server.py > port &
server=$!
until [ -s port ]; do sleep 0.1; done
url="http://127.0.0.1:$(cat port)/"
timeout 30 hey -c 1 -n 500 "$url" > hey.txt
timeout 30 siege --quiet --benchmark --concurrent=1 --reps=500 "$url" > siege.txt 2>&1
timeout 30 wrk -t1 -c1 -d2s "$url" > wrk.txt
grep -E 'Size/request|responses|Error' hey.txt
grep -E 'transactions|availability' siege.txt
grep -E 'requests in|Socket errors' wrk.txt
grep -qE '\[200\][[:space:]]+500 responses' hey.txt
grep -qE 'Size/request:[[:space:]]+1000 bytes' hey.txt
! grep -q 'Error distribution' hey.txt
grep -qE 'availability":[[:space:]]+100\.00' siege.txt
grep -qE 'failed_transactions":[[:space:]]+0,' siege.txt
grep -qE 'Socket errors: connect 0, read [1-9]' wrk.txt
