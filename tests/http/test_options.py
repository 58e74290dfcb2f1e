"""Options are one object for many users: they travel, share, and refuse what cannot be."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import pytest

from murmur.http import Client, Options
from murmur.testing import HttpStub


def test_options_travel_without_what_was_made_of_them() -> None:
    options = Options(base_url="http://shop.test", headers={"X": "1"}, timeout=3, http2=True)
    assert options.tls is options.tls

    copy = pickle.loads(pickle.dumps(options))

    assert copy == options
    assert "tls" not in vars(copy)


def test_websockets_are_not_asked_for_over_http2() -> None:
    options = Options(http2=True)

    assert options.tls is not options.tls_for_websockets


def test_the_path_of_a_key_is_not_shown() -> None:
    assert "secret.key" not in repr(Options(certificate="a.pem", key="secret.key"))


async def test_shared_connections_are_opened_anew_for_later_users(bench: Any) -> None:
    stub = HttpStub(lambda request: 200)
    options = Options(base_url="http://shop.test", transport=stub, share_connections=True)
    for _ in range(2):
        async with Client(bench.user, options) as first, Client(bench.user, options) as second:
            assert (await first.get("/")).ok
            assert (await second.get("/")).ok

    assert len(stub.requests) == 4


@pytest.mark.parametrize(("package", "code"), [
    ("httptools", "await murmur.http.Client().get('http://127.0.0.1:1/')"),
    ("h2", "murmur.http.Client(options=murmur.http.Options(http2=True))"),
    ("websockets", "await murmur.http.Client().websocket('ws://127.0.0.1:1/').__aenter__()"),
])  # fmt: skip
def test_a_missing_package_is_named_with_its_extra(package: str, code: str) -> None:
    program = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "import anyio, murmur.http\n"
        f"async def use():\n    {code}\n"
        "anyio.run(use)\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert f"needs the package {package!r}: pip install 'murmur-load[http]'" in done.stderr
