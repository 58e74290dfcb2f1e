#!/usr/bin/env bash
# Ten tasks call one function with tenacity's @retry and need 1 to 10 attempts: its statistics say 1, 10, 18 ... 46.
#
# Version: tenacity 9.2.1 (PyPI), Python 3.11.
# Guess before the run: `get.statistics["attempt_number"]`, read by a task after its call, is that task's number, or at
#   worst that of another one.
# Seen: one after another each task reads its own number.  At once they read 1, 10, 18, 25, 31, 36, 40, 43, 45 and 46:
#   the attempts of all of them since the last call began, although none made more than 10.  Only the numbers that a
#   task reads are added up: `stop_after_attempt(10)` stops none of them.
# So a report of retries by these statistics has 295 attempts where 55 were made; count them in `before=` or
#   `after=`, whose state belongs to one call.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check tenacity==9.2.1
cat > look.py <<'PY'
import asyncio
from collections import Counter

import tenacity

made = Counter()


@tenacity.retry(wait=tenacity.wait_fixed(0.05), stop=tenacity.stop_after_attempt(10))
async def get(task: int) -> None:
    """Fail until the attempt whose number is the task's."""
    made[task] += 1
    await asyncio.sleep(0)
    if made[task] < task:
        raise ConnectionError


async def read(task: int) -> int:
    await get(task)
    return get.statistics["attempt_number"]


async def main() -> None:
    in_turn = [await read(task) for task in range(1, 11)]
    print("one after another:", in_turn, "of", sum(made.values()))
    assert in_turn == list(made.values()) == list(range(1, 11))
    made.clear()
    at_once = await asyncio.gather(*(read(task) for task in range(1, 11)))
    print("at once:", at_once, "sum", sum(at_once), "of", sum(made.values()))
    assert sorted(made.values()) == list(range(1, 11))
    assert sum(at_once) > 200
    assert max(at_once) > 40


asyncio.run(main())
PY
timeout 60 venv/bin/python look.py
