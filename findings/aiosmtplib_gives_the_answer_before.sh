#!/usr/bin/env bash
# A time limit ends one command of SMTP; the next one is a recipient who does not exist, and aiosmtplib says 250.
#
# Version: aiosmtplib 5.1.3 (PyPI), Python 3.11.
# Guess before the run: a command that is cancelled closes the connection, as it does where aiosmtplib's own `timeout`
#   ends it, or the late answer is thrown away.
# Seen: the server looks 0.6 s for each recipient.  `asyncio.timeout(0.3)` around `rcpt` of one who exists ends it, and
#   `is_connected` is True; `rcpt` of "nobody", asked at once, is "250 fine", 0.3 s later, and the server's
#   "550 no such user" comes after that.  Where nothing is asked for a second in between, the late answer is thrown
#   away.  With `timeout=0.3` of the client the connection is closed.
# So where users go on right after a time limit, answers and their times are those of other commands; close the client
#   when it ended one, or use its own time-out.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check aiosmtplib==5.1.3
cat > look.py <<'PY'
import asyncio

import aiosmtplib


async def answer(reader, writer):
    writer.write(b"220 at your service\r\n")
    while line := await reader.readline():
        if line.startswith(b"RCPT"):
            await asyncio.sleep(0.6)
        writer.write(b"550 no such user\r\n" if b"nobody" in line else b"250 fine\r\n")
    writer.close()


async def begun(port: int, timeout: float) -> aiosmtplib.SMTP:
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, timeout=timeout, start_tls=False)
    await client.connect()
    await client.ehlo()
    await client.mail("a@example.org")
    return client


async def asked(client: aiosmtplib.SMTP, name: str) -> str:
    try:
        told = await client.rcpt(f"{name}@example.org")
    except aiosmtplib.SMTPRecipientRefused as error:
        told = error
    print(f"  {name}: {told.code} {told.message}")
    return told.message


async def limited(client: aiosmtplib.SMTP) -> None:
    try:
        async with asyncio.timeout(0.3):
            await client.rcpt("somebody@example.org")
        raise SystemExit("no time-out")
    except TimeoutError:
        print("time limit around the call; connected:", client.is_connected)


async def main() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = await begun(port, timeout=10)
    assert await asked(client, "nobody") == "no such user"
    await limited(client)
    assert client.is_connected
    assert await asked(client, "nobody") == "fine"
    await asyncio.sleep(1)
    await limited(client)
    await asyncio.sleep(1)
    assert await asked(client, "nobody") == "no such user"
    client.close()

    client = await begun(port, timeout=0.3)
    try:
        await client.rcpt("somebody@example.org")
        raise SystemExit("no time-out")
    except aiosmtplib.SMTPReadTimeoutError:
        print("time-out of its own; connected:", client.is_connected)
    assert not client.is_connected
    await asyncio.sleep(1)
    server.close()


asyncio.run(main())
PY
timeout 60 venv/bin/python look.py
