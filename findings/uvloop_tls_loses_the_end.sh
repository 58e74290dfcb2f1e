#!/usr/bin/env bash
# uvloop's TLS loses the end of what came, if its reader paused and the other side closed.
#
# Version: uvloop 0.23.0, trustme 1.2.1 (PyPI), Python 3.11, asyncio of the same for comparison.
# Guess before the run: `pause_reading` and `resume_reading` set the pace of a transport and lose no
#   byte, over TLS as without, so 3,000,000 bytes that a server sends before it closes all arrive.
# Seen: asyncio 3,000,000 bytes each time; uvloop 2,883,584 to 2,981,888, and `connection_lost(None)`,
#   as if the server had ended there in order.  A server that waits for the answer to its farewell
#   of TLS (`unwrap`), or a reader that never pauses, loses nothing.
# So a slow reader over TLS takes whole answers for truncated ones; to pause the transport below TLS
# instead is safe.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "uvloop==0.23.0" "trustme==1.2.1"
cat > look.py <<'PY'
import asyncio, socket, ssl, threading
import trustme, uvloop

authority = trustme.CA()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
authority.issue_cert("localhost").configure_cert(context)
SIZE, TIMES = 3_000_000, 6


def serve(listener):
    for _ in range(2 * TIMES):
        plain, _ = listener.accept()
        with context.wrap_socket(plain, server_side=True) as tls:
            tls.recv(100)
            tls.sendall(bytes(SIZE))


class Reader(asyncio.Protocol):
    def __init__(self):
        self.size, self.over = 0, asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        transport.write(b"go")

    def data_received(self, data):
        self.size += len(data)
        self.transport.pause_reading()
        asyncio.get_running_loop().call_later(0.003, self.transport.resume_reading)

    def connection_lost(self, error):
        self.over.set_result(error)


async def read(port):
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    loop = asyncio.get_running_loop()
    _, reader = await loop.create_connection(
        Reader, "127.0.0.1", port, ssl=trusting, server_hostname="localhost"
    )
    await asyncio.wait_for(reader.over, 20)
    return reader.size


listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve, args=(listener,), daemon=True).start()
port = listener.getsockname()[1]
sizes = {run.__module__: [run(read(port)) for _ in range(TIMES)] for run in (asyncio.run, uvloop.run)}
for loop, seen in sizes.items():
    print(f"{loop}: {seen}")
ours, theirs = list(sizes.values())
assert min(ours) == SIZE, "asyncio loses the end as well"
assert min(theirs) < SIZE, "uvloop no longer loses the end"
PY
timeout 100 venv/bin/python look.py
