#!/usr/bin/env bash
# httpx offers HTTP/1.1 before HTTP/2, also when it was told to speak HTTP/2 alone.
#
# Version: httpx 0.28.1, httpcore 1.0.9, h2 4.4.1 (PyPI), Python 3.11.
# Guess before the run: `http2=True` offers h2 and then http/1.1, as browsers and curl do, and
#   `http1=False, http2=True` offers h2 alone.
# Seen: both offer http/1.1 first and h2 behind it.
# A server that takes the first of the client's protocols that it knows, such as lighttpd 1.4.69,
# then speaks HTTP/1.1 to the former, and closes the connection of the latter, which sends HTTP/2
# all the same: each of sixteen requests failed there with "Server disconnected", and curl had all.
# So a load test of HTTP/2 by httpx may be one of HTTP/1.1; `response.http_version` tells.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
  "httpx[http2]==0.28.1" "httpcore==1.0.9" "h2==4.4.1"
cat > look.py <<'PY'
import asyncio
import httpx


async def offered(**versions):
    """Return the protocols in the first message of a client's TLS, in their order."""
    hello = asyncio.get_running_loop().create_future()

    async def listen(reader, writer):
        kind, _, _, high, low = await reader.readexactly(5)
        assert kind == 22  # a message of the handshake
        hello.set_result(await reader.readexactly(high << 8 | low))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with httpx.AsyncClient(trust_env=False, **versions) as client:
        try:
            await client.get(url)
        except httpx.TransportError:
            pass  # nobody answers the message
    server.close()
    return alpn(await hello)


def alpn(message):
    """Read the extension with number 16 of a ClientHello (RFC 8446, 4.1.2; RFC 7301, 3.1)."""
    at = 4 + 2 + 32
    at += 1 + message[at]
    at += 2 + int.from_bytes(message[at : at + 2], "big")
    at += 1 + message[at] + 2
    while at < len(message):
        number = int.from_bytes(message[at : at + 2], "big")
        size = int.from_bytes(message[at + 2 : at + 4], "big")
        if number == 16:
            names, found = message[at + 6 : at + 4 + size], []
            while names:
                found.append(names[1 : 1 + names[0]].decode())
                names = names[1 + names[0] :]
            return found
        at += 4 + size
    return []


async def main():
    either = await offered(http2=True)
    alone = await offered(http1=False, http2=True)
    print("http2=True:", *either)
    print("http1=False, http2=True:", *alone)
    assert either == alone == ["http/1.1", "h2"], "the order has changed"


asyncio.run(main())
PY
timeout 60 venv/bin/python look.py
