#!/usr/bin/env bash
# After one test with hypothesis, a sixth of the calls of ast.parse in two threads raise SystemError.
#
# Version: CPython 3.11.7, hypothesis 6.170.17 (PyPI).  CPython 3.12.1 does not.
# Guess before the run: ast.parse keeps the interpreter's lock until it is done, so that nothing another
#   thread does can matter to it.
# Seen: 300 of 300 texts parsed in two threads before the first test, 207 to 252 after it; the others raised SystemError
#   "AST constructor recursion depth mismatch".  hypothesis enters a function in gc.callbacks and leaves it
#   there; a collection in the midst of parsing calls it, where Python may let another thread go on, and
#   CPython 3.11 keeps the depth of all threads in one place.
# So in one process of pytest a cell, a linter's test or even the traceback of a thread (which 3.11 parses,
#   too) falls now and then, far from the test that is the cause; any function in gc.callbacks does it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > look.py <<'PY'
import ast
import gc
import threading
from collections import Counter

from hypothesis import given, strategies


@given(strategies.integers())
def is_whole(number):
    assert isinstance(number, int)


def parse_in_two_threads():
    text = open(ast.__file__, encoding="utf-8").read()
    seen = Counter()

    def parse():
        for _ in range(150):
            try:
                ast.parse(text)
                seen["parsed"] += 1
            except SystemError as error:
                seen[str(error).partition(" (")[0]] += 1

    threads = [threading.Thread(target=parse) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return dict(seen)


before = parse_in_two_threads()
is_whole()
after = parse_in_two_threads()
print("before", before, "after", after, "with", len(gc.callbacks), "in gc.callbacks")
assert before == {"parsed": 300}
assert len(gc.callbacks) == 1
assert after["AST constructor recursion depth mismatch"] > 0
PY
python3.11 -m venv here
here/bin/pip install --quiet --disable-pip-version-check hypothesis==6.170.17
timeout 120 here/bin/python look.py
