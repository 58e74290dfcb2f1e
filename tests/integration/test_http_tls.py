"""TLS with an authority of our own, client certificates, and HTTP/2."""

from __future__ import annotations

import math
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import trustme
from traitlets import Unicode

import murmur
from murmur.http import Client, Options

SERVER = """
listen 127.0.0.1:{port} ssl http2;
ssl_certificate {root}/../tls/server.pem;
ssl_certificate_key {root}/../tls/server.key;
ssl_client_certificate {root}/../tls/ca.pem;
ssl_verify_client optional;
http2_max_concurrent_streams 4;
location /items/ {{ return 200 '{{"uri": "$request_uri"}}'; }}
location /who {{ return 200 '$ssl_client_verify $http_x_token'; }}
location /old {{ return 302 /items/1; }}
location /gone {{ return 404; }}
location /upload {{
  dav_methods PUT; create_full_put_path on; client_max_body_size 64m;
}}
"""


def until(condition: Any, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA, tmp_path_factory: Any) -> Path:
    """Return a folder with the certificates of authority, server and client."""
    folder: Path = tmp_path_factory.getbasetemp() / "tls"
    folder.mkdir(exist_ok=True)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name in ("localhost", "client.test"):
        issued = authority.issue_cert(name)
        stem = "server" if name == "localhost" else "client"
        issued.private_key_pem.write_to_path(folder / f"{stem}.key")
        chain = b"".join(pem.bytes() for pem in issued.cert_chain_pems)
        (folder / f"{stem}.pem").write_bytes(chain)
    return folder


@pytest.fixture(scope="module")
def nginx(start_nginx: Any, tls: Path) -> Any:
    running = start_nginx(SERVER)
    running.url = f"https://localhost:{running.port}"
    return running


@pytest.fixture(params=["asyncio", "asyncio+uvloop"])
def anyio_backend(request: Any) -> Any:
    return "asyncio", {"use_uvloop": request.param.endswith("uvloop")}


@pytest.fixture(params=[False, True], ids=["http1", "http2"])
async def client(request: Any, nginx: Any, tls: Path) -> Any:
    options = Options(base_url=nginx.url, ca=tls / "ca.pem", http2=request.param, timeout=10)
    async with Client(options=options) as made:
        yield made


async def test_either_version_answers_alike(nginx: Any, client: Client) -> None:
    is_http2 = client.options_used.http2
    (nginx.root / "files" / "big").write_bytes(b"z" * 3_000_000)
    client.headers["X-Token"] = "t"
    item = await client.get("/items/{id}", id=7)
    again = await client.get("/old")
    gone = await client.get("/gone")
    head = await client.head("/big")
    big = await client.get("/big", headers={"Accept-Encoding": "identity"})
    upload = await client.put("/upload/a", data=b"u" * 2_000_000)
    who = await client.get("/who", headers={"Connection": "close"})

    assert item.json() == {"uri": "/items/7"}
    assert item.http_version == ("2" if is_http2 else "1.1")
    assert (again.redirects, gone.failure) == (1, "HTTP 404")
    assert (head.status, head.content) == (200, b"")
    assert len(big.content) == 3_000_000
    assert upload.ok
    assert (nginx.root / "files" / "upload" / "a").stat().st_size == 2_000_000
    assert who.text == "NONE t"


async def test_a_body_is_read_part_by_part(nginx: Any, client: Client) -> None:
    (nginx.root / "files" / "long").write_bytes(b"y" * 5_000_000)
    size = 0
    async with client.get("/long", stream=True) as response:
        async for part in response.iter_bytes():
            size += len(part)
            await anyio.lowlevel.checkpoint()
    async with client.get("/long", stream=True) as response:
        async for _ in response.iter_bytes():
            break

    assert size == 5_000_000
    assert (await client.get("/items/1")).ok


async def test_many_requests_at_once_share_what_they_may(nginx: Any, client: Client) -> None:
    before = len(nginx.log())
    answers = []

    async def ask(number: int) -> None:
        answers.append(await client.get("/items/{id}", id=number))

    await client.get("/items/0")
    async with anyio.create_task_group() as tasks:
        for number in range(40):
            tasks.start_soon(ask, number)
    await anyio.to_thread.run_sync(until, lambda: len(nginx.log()) >= before + 41)
    logged = nginx.log()[before:]

    assert all(response.ok for response in answers)
    assert {entry[4] for entry in logged} == {
        "HTTP/2.0" if client.options_used.http2 else "HTTP/1.1"
    }
    assert 1 <= len({entry[3] for entry in logged}) <= 10


async def test_a_server_may_call_off_a_connection_that_is_in_use(
    start_nginx: Any, tls: Path, nginx: Any
) -> None:
    # nginx calls a connection off after so many requests, and answers those that it has.
    running = start_nginx(SERVER, "keepalive_requests 20;")
    options = Options(
        base_url=f"https://localhost:{running.port}",
        ca=tls / "ca.pem",
        http2=True,
        max_connections=1,
        timeout=10,
    )
    answers = []
    async with Client(options=options) as client:

        async def ask() -> None:
            answers.extend([await client.get("/items/1") for _ in range(25)])

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(ask)

    assert {response.failure for response in answers} == {None}
    assert len(answers) == 200


class Ordering(murmur.Scenario):
    """Users send orders, each with a number of its own, over connections that they share."""

    base_url = Unicode("", help="server to test")
    ca = Unicode("", help="authority of the server")

    async def init(self) -> None:
        self.http = Options(
            base_url=self.base_url,
            ca=self.ca,
            http2=True,
            share_connections=True,
            max_connections=2,
        )

    async def start(self, user: murmur.User) -> None:
        for number in range(40):
            await user.http.post("/items/{order}", order=f"{user.id}-{number}", json=number)


def test_no_order_is_lost_or_sent_twice_when_connections_are_called_off(
    start_nginx: Any, tls: Path, nginx: Any
) -> None:
    running = start_nginx(SERVER, "keepalive_requests 50;")
    with murmur.Session() as session:
        run = session.do(
            Ordering,
            25,
            user_rate=math.inf,
            end_when_idle=True,
            base_url=f"https://localhost:{running.port}",
            ca=str(tls / "ca.pem"),
        )
        run.wait(timeout=60)
        until(lambda: len(running.log()) >= 1000)
    logged = running.log()

    assert run.results.actions["ok"].sum() == len(run.results.actions) == 1000
    assert {(entry[0], entry[1], entry[4]) for entry in logged} == {("200", "POST", "HTTP/2.0")}
    assert len({entry[2] for entry in logged}) == len(logged) == 1000
    assert len({entry[3] for entry in logged}) >= 20  # of 50 requests each


async def test_a_cancelled_request_spares_the_others(nginx: Any, client: Client) -> None:
    (nginx.root / "files" / "huge").write_bytes(b"h" * 30_000_000)
    with anyio.move_on_after(0.01):
        await client.get("/huge")

    assert (await client.get("/items/1")).ok


async def test_a_client_shows_its_certificate(nginx: Any, tls: Path) -> None:
    options = Options(
        base_url=nginx.url,
        ca=tls / "ca.pem",
        certificate=tls / "client.pem",
        key=tls / "client.key",
    )
    async with Client(options=options) as client:
        assert (await client.get("/who")).text == "SUCCESS "


async def test_a_certificate_nobody_vouches_for_is_refused(nginx: Any) -> None:
    async with Client(options=Options(base_url=nginx.url)) as client:
        response = await client.get("/items/1")

    assert response.failure is not None
    assert response.failure.startswith("certificate refused: ")
    assert type(response.error).__name__ == "TlsError"


async def test_a_certificate_that_is_missing_is_told_also_by_a_write_that_fails(
    tmp_path: Path,
) -> None:
    """Over TLS 1.3 the server refuses after the handshake, and may be gone when the client asks."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        plain, _ = listener.accept()
        with plain, pytest.raises(ssl.SSLError):
            context.wrap_socket(plain, server_side=True)

    async def late() -> Any:
        time.sleep(0.2)  # noqa: ASYNC251 - the loop must not see the alert before it writes
        yield b"x"

    thread = threading.Thread(target=serve)
    thread.start()
    async with Client(options=Options(ca=tmp_path / "ca.pem", timeout=60)) as client:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        response = await client.post(url, data=late())
    await anyio.to_thread.run_sync(thread.join)
    listener.close()

    assert response.failure == "the server sent the alert certificate_required"
    assert type(response.error).__name__ == "TlsError"


async def test_a_certificate_for_another_name_is_refused(nginx: Any, tls: Path) -> None:
    async with Client(options=Options(ca=tls / "ca.pem")) as client:
        response = await client.get(f"https://127.0.0.1:{nginx.port}/")

    assert response.failure == "certificate refused: IP address mismatch"


async def test_a_certificate_for_another_host_is_refused(nginx: Any, tls: Path) -> None:
    options = Options(ca=tls / "ca.pem", connect_to={"shop.test": f"127.0.0.1:{nginx.port}"})
    async with Client(options=options) as client:
        response = await client.get("https://shop.test/")

    assert response.failure == "certificate refused: Hostname mismatch"


async def test_a_handshake_may_take_as_long_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # asyncio gives a handshake 60 s of its own; uvloop does too, where nobody can change it.
    monkeypatch.setattr("asyncio.constants.SSL_HANDSHAKE_TIMEOUT", 0.1)
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        plain, _ = listener.accept()
        time.sleep(1)
        with context.wrap_socket(plain, server_side=True) as connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    options = Options(ca=tmp_path / "ca.pem", timeout=math.inf, connect_timeout=math.inf)
    async with Client(options=options) as client:
        response = await client.get(f"https://127.0.0.1:{listener.getsockname()[1]}/")
    await anyio.to_thread.run_sync(thread.join)
    listener.close()

    assert response.failure is None


async def test_a_name_with_a_dot_at_its_end_has_the_certificate_of_that_without(
    nginx: Any, tls: Path
) -> None:
    options = Options(ca=tls / "ca.pem", connect_to={"localhost.": "127.0.0.1"}, timeout=10)
    async with Client(options=options) as client:
        assert (await client.get(f"https://localhost.:{nginx.port}/items/1")).ok


async def test_verification_may_be_left_out(nginx: Any) -> None:
    async with Client(options=Options(verify=False)) as client:
        assert (await client.get(f"https://127.0.0.1:{nginx.port}/items/1")).ok


async def test_a_body_is_streamed_over_both_versions(client: Client) -> None:
    assert (await client.put("/upload/b", data=[b"x", b"y"])).ok


class Secure(murmur.Scenario):
    """Users ask over TLS."""

    base_url = Unicode("", help="server to test")
    ca = Unicode("", help="authority to trust")
    version = Unicode("1", help="of HTTP")

    def init(self) -> None:
        self.http = Options(
            base_url=self.base_url, ca=self.ca, http2=self.version == "2", phases=True
        )

    async def start(self, user: murmur.User) -> None:
        for number in range(5):
            await user.http.get("/items/{id}", id=number)


@pytest.mark.parametrize("version", ["1", "2"])
def test_phases_and_counts_of_a_run_agree_with_the_log(nginx: Any, tls: Path, version: str) -> None:
    before = len(nginx.log())
    with murmur.Session() as session:
        run = session.do(
            Secure,
            20,
            user_rate=math.inf,
            end_when_idle=True,
            base_url=nginx.url,
            ca=str(tls / "ca.pem"),
            version=version,
        )
        run.wait(timeout=60)
    actions = run.results.actions
    counts = actions.groupby("name", observed=True).size().to_dict()

    assert counts == {
        "GET /items/{id}": 100,
        "GET /items/{id} [connect]": 20,
        "GET /items/{id} [tls]": 20,
        "GET /items/{id} [first byte]": 100,
    }
    assert actions["ok"].all()
    until(lambda: len(nginx.log()) >= before + 100)
    assert len(nginx.log()) == before + 100
    gauges = set(run.results.gauges["name"])
    assert {"http.connect_seconds", "http.tls_seconds", "http.first_byte_seconds"} <= gauges
