#!/usr/bin/env bash
# A test for anyio's backends asyncio and trio passes as test[asyncio] and test[trio], and both ran on asyncio.
#
# Version: pytest 9.2.0, pytest-asyncio 1.5.0, anyio 4.16.0, trio 0.35.0 (PyPI), Python 3.11.
# Guess before the run: `@pytest.mark.anyio` gives a test to anyio's plugin, whatever pytest-asyncio does with others.
# Seen: with `asyncio_mode = auto` pytest-asyncio runs it, twice on asyncio, under the names "[asyncio]" and "[trio]";
#   there is no warning of it, and both pass.  With `asyncio_mode = strict` "[trio]" is on trio.
# So a library "tested on trio" may never have run there once another package's tests needed auto; let one test ask
#   sniffio which library it is on.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pytest==9.2.0 pytest-asyncio==1.5.0 anyio==4.16.0 \
  trio==0.35.0 sniffio==1.3.1
cat > test_look.py <<'PY'
import pytest
import sniffio


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test(anyio_backend: str) -> None:
    with open("told", "a") as told:
        told.write(f"[{anyio_backend}] on {sniffio.current_async_library()}\n")
PY
tested() {
  rm -f told
  timeout 50 venv/bin/python -m pytest -v -W error -p no:cacheprovider -o "asyncio_mode=$1" \
    -o asyncio_default_fixture_loop_scope=function test_look.py | grep -E "::test|passed|failed|warning"
  echo "asyncio_mode=$1:" "$(paste -sd, told)"
}
tested auto
[ "$(cat told)" = "[asyncio] on asyncio
[trio] on asyncio" ]
tested strict
[ "$(cat told)" = "[asyncio] on asyncio
[trio] on trio" ]
