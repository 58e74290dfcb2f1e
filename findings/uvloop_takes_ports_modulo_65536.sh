#!/usr/bin/env bash
# A port of 70,000 is port 4,464 on uvloop: it connects there, and listens there.
#
# Version: uvloop 0.23.0 (PyPI), Python 3.11, Linux; asyncio's own loop beside it.
# Guess before the run: OverflowError, "port must be 0-65535", as with asyncio's own loop and with `socket`.
# Seen: where a server listens on port p, `open_connection(host, p + 65536)` is connected to it, and its peer's name
#   has p; `start_server` on 65536 + q listens on q.  With asyncio's own loop both are the OverflowError.
# So a typing error in a port, or ports that are counted up for each worker, test another server without an error;
#   look at the peer's name, or check the range before.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uvloop==0.23.0
cat > look.py <<'PY'
import asyncio
import socket

import uvloop


def free() -> int:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        return other.getsockname()[1]


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def connected_to() -> int | str:
    """Return the port where a connection to 65,536 above a server's port leads, or the error."""
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port + 65_536)
        except OverflowError as error:
            return str(error)
        reached = writer.get_extra_info("peername")[1]
        writer.close()
        assert reached == port
        return reached


async def listens_on() -> int | str:
    """Return the port where a server listens that was given 65,536 more, or the error."""
    port = free()
    try:
        async with await asyncio.start_server(answer, "127.0.0.1", port + 65_536) as server:
            assert server.sockets[0].getsockname()[1] == port
            return port
    except OverflowError as error:
        return str(error)


for name, run in {"asyncio": asyncio.run, "uvloop": uvloop.run}.items():
    seen = run(connected_to()), run(listens_on())
    print(name, "connects to and listens on:", *seen)
    numbers = all(isinstance(each, int) for each in seen)
    assert numbers == (name == "uvloop")
    assert numbers or all("port must be 0-65535" in each for each in seen)
PY
timeout 60 venv/bin/python look.py
