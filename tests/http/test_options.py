"""Options are one object for many users: they travel, share, and refuse what cannot be."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from murmur.errors import InvalidRequestError
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


@pytest.fixture(scope="module")
def pems(tmp_path_factory: Any) -> Any:
    """Return a folder with an authority, two certificates, and keys of theirs."""
    folder = tmp_path_factory.mktemp("pems")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name in ("ann", "bob"):
        issued = authority.issue_cert(name)
        issued.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
        issued.private_key_pem.write_to_path(folder / f"{name}.key")
    key = serialization.load_pem_private_key((folder / "ann.key").read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"open"),
    )
    (folder / "locked.key").write_bytes(locked)
    (folder / "empty.pem").touch()
    return folder


def test_key_password_and_logins_are_not_shown(pems: Any) -> None:
    shown = repr(
        Options(
            certificate=pems / "ann.pem",
            key=pems / "locked.key",
            password="open",
            base_url="http://ann:secret@shop.test",
            proxy="http://bob:hidden@proxy.test",
        )
    )

    assert not any(word in shown for word in ("locked.key", "'open'", "secret", "hidden"))
    assert "shop.test" in shown


def test_an_encrypted_key_is_opened_with_its_password(pems: Any) -> None:
    options = Options(certificate=pems / "ann.pem", key=pems / "locked.key", password="open")

    assert options.tls.cert_store_stats()["x509"] >= 0


@pytest.mark.parametrize(("files", "problem"), [
    ({"ca": "none.pem"}, "none.pem': no such file"),
    ({"ca": ""}, "is a directory"),
    ({"ca": "empty.pem"}, "empty.pem': no certificates in PEM"),
    ({"ca": "ann.key"}, "ann.key': no certificates in PEM"),
    ({"certificate": "none.pem"}, "none.pem': no such file"),
    ({"certificate": "ann.pem", "key": "none.key"}, "none.key': no such file"),
    ({"certificate": "ann.pem"}, "no certificate with its key in PEM"),
    ({"certificate": "ann.pem", "key": "bob.key"}, "the key belongs to another certificate"),
    ({"certificate": "ann.pem", "key": "empty.pem"}, "no certificate and key in PEM"),
    ({"certificate": "ann.pem", "key": "locked.key"}, "the key is encrypted; give password"),
    ({"key": "ann.key"}, "key without a certificate"),
])  # fmt: skip
def test_a_file_that_cannot_be_used_is_named(
    pems: Any, files: dict[str, str], problem: str
) -> None:
    with pytest.raises(InvalidRequestError) as found:
        Options(**{name: str(pems / file) for name, file in files.items()})  # type: ignore[arg-type]

    assert problem in str(found.value)


def test_a_wrong_password_is_told(pems: Any) -> None:
    with pytest.raises(InvalidRequestError, match="password does not fit"):
        Options(certificate=pems / "ann.pem", key=pems / "locked.key", password="shut")


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(InvalidRequestError) as found:
        Options(
            timeout=-1, max_connections=0, verify="/etc/ca.pem", headers={"a b": "1"},
            base_url="shop.test", proxy="socks5://x", local_addresses=["x"],
            connect_to={"a b": "c"}, ca="/none.pem", key="/none.key", transport=5,
        )  # type: ignore[arg-type]  # fmt: skip

    options = (
        "timeout", "max_connections", "verify", "'a b'", "base_url", "proxy", "local_addresses",
        "connect_to", "ca=", "key", "transport",
    )  # fmt: skip
    assert [name for name in options if name not in str(found.value)] == []


@pytest.mark.parametrize("wrong", [
    {"timeout": math.nan}, {"timeout": True}, {"timeout": "5"}, {"timeout": 0}, {"timeout": None},
    {"connect_timeout": -1}, {"max_connections": 2.5}, {"max_connections": True},
    {"max_redirects": -1}, {"max_body_bytes": "1"}, {"http2": 1}, {"base_url": None},
    {"headers": {"a": 1}}, {"headers": [("a", "b")]}, {"headers": {"a": "b\r\nc"}},
    {"ca": 5}, {"certificate": ("a", "b")}, {"trace": 1.5}, {"trace": "1"},
    {"local_addresses": "127.0.0.1"}, {"local_addresses": ["localhost"]},
    {"connect_to": "a"}, {"connect_to": {"a": "b c"}}, {"connect_to": {"a": 5}},
    {"connect_to": {"a": "127.0.0.1:65536"}}, {"connect_to": {"a:65536": "127.0.0.1"}},
    {"proxy": "https://proxy.test"}, {"proxy": "proxy.test:3128"}, {"proxy": 5},
])  # fmt: skip
def test_an_option_that_cannot_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).rstrip("s")):
        Options(**wrong)


def test_no_limit_is_a_limit() -> None:
    assert Options(timeout=math.inf, max_connections=math.inf).timeout == math.inf  # type: ignore[arg-type]


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
