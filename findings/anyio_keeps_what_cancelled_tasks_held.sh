#!/usr/bin/env bash
# A task of anyio's task group that is cancelled keeps what it held until the collector comes by.
#
# Version: anyio 4.16.0 (PyPI), Python 3.11, on asyncio; trio 0.34 beside it.
# Guess before the run: once a task group has ended, nothing refers to the frames of its tasks, so
#   that an object of a cancelled task is freed at once, as that of a task that failed is.
# Seen: on asyncio that of a cancelled task stays, whether its sibling failed or the group was
#   cancelled; `gc.collect()` frees it. Nothing stays on trio.
# So connections that a cancelled task held, such as those of gRPC, are closed when the collector
#   comes by, and a load test whose process collects rarely has to collect at the end of a run.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "anyio==4.16.0" "trio>=0.31"
cat > look.py <<'PY'
import gc
import weakref

import anyio

seen = {}


class Held:
    """Something that a task holds."""


async def hold(kept):
    held = Held()
    kept.append(weakref.ref(held))
    await anyio.sleep_forever()


async def fail():
    await anyio.sleep(0.01)
    raise ValueError


async def main(backend, has_sibling):
    kept = []
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hold, kept)
            if has_sibling:
                tasks.start_soon(fail)
            else:
                await anyio.sleep(0.01)
                tasks.cancel_scope.cancel()
    except* ValueError:
        pass
    await anyio.sleep(0.05)
    stays = kept[0]() is not None
    gc.collect()
    seen[backend, has_sibling] = stays, kept[0]() is not None


gc.disable()
for backend in ("asyncio", "trio"):
    for has_sibling in (True, False):
        anyio.run(main, backend, has_sibling, backend=backend)
        print(backend, "sibling failed:", has_sibling, "(stays, stays when collected):",
              seen[backend, has_sibling])
expected = {(backend, sibling): (backend == "asyncio", False)
            for backend in ("asyncio", "trio") for sibling in (True, False)}
raise SystemExit(seen != expected)
PY
timeout 60 venv/bin/python look.py
