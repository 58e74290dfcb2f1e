#!/usr/bin/env bash
# kosoku's WebSocket cases leave a `pkg_resources` of their own, and another `binascii.b2a_hex`,
# to the whole process that ran them.
#
# Version: kosoku 0.1.0, pytest 9.1.1 (PyPI), Python 3.11 and later.
# Guess before the run: `kosoku.run_fuzzingserver`, which is meant to be called in a test, changes
#   nothing that the tests after it can see.
# Seen: `import kosoku` changes nothing yet. Once a server has run, two folders of kosoku stand
#   first in `sys.path`, `pkg_resources` is its stand-in with one function, and
#   `binascii.b2a_hex("a")`, a TypeError elsewhere, answers. pytest's
#   `monkeypatch.syspath_prepend`, which asks a loaded `pkg_resources` for
#   `fixup_namespace_packages`, then raises ImportError in every later test of the process.
# So a test starts the command `kosoku` and reads the report that it writes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "kosoku==0.1.0" "pytest==9.1.1"
cat > test_look.py <<'PY'
import asyncio
import binascii
import sys

import pytest


def places():
    return [path for path in sys.path if "kosoku" in path]


async def serve():
    import kosoku

    print("after the import:", len(places()), "folders")
    async with kosoku.run_fuzzingserver(["1.1.1"], port=0):
        pass


def test_look(monkeypatch, tmp_path):
    with pytest.raises(TypeError):
        binascii.b2a_hex("a")
    asyncio.run(serve())
    import pkg_resources

    names = sorted(name for name in vars(pkg_resources) if name.startswith("res"))
    print("after a server:", len(places()), "folders;", names, binascii.b2a_hex("a"))
    with pytest.raises(ImportError) as refused:
        monkeypatch.syspath_prepend(tmp_path)
    print(type(refused.value).__name__, refused.value.name)
PY
timeout 100 venv/bin/pytest -q -s -p no:cacheprovider test_look.py | tee seen.txt
grep -q "after the import: 0 folders" seen.txt
grep -q "after a server: 2 folders; \['resource_filename'\] b'61'" seen.txt
grep -q "ImportError pkg_resources" seen.txt
