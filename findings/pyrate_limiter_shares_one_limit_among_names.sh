#!/usr/bin/env bash
# Five a second, asked for by name: pyrate-limiter lets "ann" through five times, and "bob" not once.
#
# Version: pyrate-limiter 4.5.1 (PyPI), Python 3.11.
# Guess before the run: the name that `try_acquire` takes says whose limit it is, so that each name has five.
# Seen: `Limiter(Rate(5, Duration.SECOND))` has one limit for all names: of six tries of "ann" five are True, of six
#   of "bob" none; where it blocks, as by default, the first of "bob" takes a second.
# So users who were to be limited one by one slow each other down, and their pauses look like the server's; make a
#   limiter for each, or a `BucketFactory` that tells them apart.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyrate-limiter==4.5.1
cat > look.py <<'PY'
import time

from pyrate_limiter import Duration, Limiter, Rate

limiter = Limiter(Rate(5, Duration.MINUTE))
passed = {name: [limiter.try_acquire(name, blocking=False) for _ in range(6)] for name in ("ann", "bob")}
print(passed)
assert passed == {"ann": [True] * 5 + [False], "bob": [False] * 6}

limiter = Limiter(Rate(5, Duration.SECOND))
began = time.monotonic()
for _ in range(5):
    limiter.try_acquire("ann")
limiter.try_acquire("bob")
waited = time.monotonic() - began
print(f"bob's first, after ann's five: {waited:.2f} s")
assert waited > 0.9

each = {name: Limiter(Rate(5, Duration.MINUTE)) for name in ("ann", "bob")}
passed = {name: sum(each[name].try_acquire(name, blocking=False) for _ in range(6)) for name in each}
print("a limiter for each:", passed)
assert passed == {"ann": 5, "bob": 5}
PY
timeout 60 venv/bin/python look.py
