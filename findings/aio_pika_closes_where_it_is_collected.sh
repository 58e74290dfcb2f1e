#!/usr/bin/env bash
# A forgotten connection of aio_pika closes itself on its loop, or not at all: as the collector has it.
#
# Version: aio-pika 10.2.1 (PyPI), Python 3.11.
# Guess before the run: what is forgotten is closed by the loop that it belongs to, or says so with a
#   ResourceWarning, as sockets and files do.
# Seen: it makes the coroutine of its `close` for the loop of the thread that happens to collect it.  In the
#   loop's own thread that runs; in one without a loop the error is swallowed, the coroutine is
#   thrown away ("coroutine 'Connection.close' was never awaited"), and nothing is closed.  Where a loop has a
#   thread of its own, as in a notebook's tools, it depends on the moment.
# So close connections yourself, also those that never came to be open.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check aio-pika==10.2.1
cat > look.py <<'PY'
import asyncio
import gc
import threading
import warnings

import aio_pika
from yarl import URL

gc.disable()
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()


async def forget():
    connection = aio_pika.Connection(URL("amqp://127.0.0.1:1/"), loop=asyncio.get_running_loop())
    connection.itself = connection  # so that it waits for the collector


async def collect():
    gc.collect()
    await asyncio.sleep(0.1)


def forgotten(collected):
    asyncio.run_coroutine_threadsafe(forget(), loop).result(10)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        collected()
        gc.collect()
    return [str(each.message) for each in seen if "close" in str(each.message)]


def elsewhere():
    thread = threading.Thread(target=gc.collect)
    thread.start()
    thread.join(10)


here = forgotten(elsewhere)
there = forgotten(lambda: asyncio.run_coroutine_threadsafe(collect(), loop).result(10))
print("collected in another thread:", here)
print("collected in the loop's own:", there)
assert here == ["coroutine 'Connection.close' was never awaited"]
assert there == []
PY
timeout 60 venv/bin/python look.py
