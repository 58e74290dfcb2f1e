"""Requests to a real nginx: what is recorded is what its log says."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from traitlets import Unicode

import murmur
from murmur.errors import InvalidRequestError
from murmur.http import Client, Options

SERVER = """
listen 127.0.0.1:{port};
location /items/ {{ return 200 '{{"uri": "$request_uri"}}'; }}
location /echo {{
  return 200 '$request_method $http_x_token $http_cookie $content_type $args';
}}
location /old {{ return 302 /items/1; }}
location /moved {{ return 301 http://localhost:{port}/items/2; }}
location /loop {{ return 307 /loop; }}
location /login {{ add_header Set-Cookie "sid=abc; Path=/; HttpOnly"; return 204; }}
location /gone {{ return 404; }}
location /close {{ keepalive_timeout 0; return 200 'bye'; }}
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
def nginx(start_nginx: Any) -> Any:
    return start_nginx(SERVER, "keepalive_requests 50;")


@pytest.fixture(params=["asyncio", "asyncio+uvloop"])
def anyio_backend(request: Any) -> Any:
    return "asyncio", {"use_uvloop": request.param.endswith("uvloop")}


@pytest.fixture
async def client(nginx: Any) -> Any:
    async with Client(options=Options(base_url=nginx.url, timeout=10)) as made:
        yield made


async def test_an_answer_is_read_whatever_its_form(nginx: Any, client: Client) -> None:
    (nginx.root / "files" / "big").write_bytes(bytes(range(256)) * 4096)
    (nginx.root / "files" / "empty").write_bytes(b"")

    item = await client.get("/items/{id}", id="a b")
    big = await client.get("/big", headers={"Accept-Encoding": "identity"})
    empty = await client.get("/empty")
    head = await client.head("/big", headers={"Accept-Encoding": "identity"})

    assert item.json() == {"uri": "/items/a%20b"}
    assert item.headers["Content-Encoding"] == "gzip"
    assert item.http_version == "1.1"
    assert len(big.content) == 1 << 20
    assert empty.content == b""
    assert head.content == b""
    assert head.headers["content-length"] == str(1 << 20)


async def test_one_connection_is_kept_and_replaced_when_the_server_says_so(
    nginx: Any, client: Client
) -> None:
    before = len(nginx.log())
    for _ in range(3):
        await client.get("/items/1")
    assert (await client.get("/close")).text == "bye"
    await client.get("/items/1")
    until(lambda: len(nginx.log()) == before + 5)

    first, second, third, closing, after = (entry[3] for entry in nginx.log()[before:])
    assert first == second == third == closing != after


async def test_a_body_is_sent_whole_or_in_chunks(nginx: Any, client: Client) -> None:
    whole = b"x" * 3_000_000

    async def parts() -> Any:
        for _ in range(30):
            yield b"x" * 100_000

    for number, data in enumerate([whole, parts(), [whole, b"", b"end"]]):
        response = await client.put(f"/upload/{number}", data=data, name="upload")
        assert response.ok, response.failure

    sizes = [(nginx.root / "files" / "upload" / str(n)).stat().st_size for n in range(3)]
    assert sizes == [3_000_000, 3_000_000, 3_000_003]


async def test_a_body_is_read_part_by_part(nginx: Any, client: Client) -> None:
    (nginx.root / "files" / "long").write_bytes(b"y" * 5_000_000)
    size = 0
    async with client.get("/long", stream=True) as response:
        with pytest.raises(InvalidRequestError, match="iter_bytes"):
            response.content  # noqa: B018 - it is not there
        async for part in response.iter_bytes():
            size += len(part)
    async with client.get("/long", stream=True) as response:
        async for _ in response.iter_bytes():
            break

    assert size == 5_000_000
    assert (await client.get("/items/1")).ok


async def test_cookies_headers_and_queries_arrive(client: Client) -> None:
    await client.get("/login")
    client.headers["X-Token"] = "t"
    response = await client.post("/echo", form={"a": 1}, params={"q": "1 2"})

    assert response.text == "POST t sid=abc application/x-www-form-urlencoded q=1+2"


async def test_redirects_are_followed_to_another_server_without_secrets(
    nginx: Any, client: Client
) -> None:
    client.headers["Authorization"] = "secret"
    response = await client.get("/moved")

    assert response.json() == {"uri": "/items/2"}
    assert response.url == f"http://localhost:{nginx.port}/items/2"
    assert (await client.get("/loop")).failure == "more than 10 redirects"


class Shopping(murmur.Scenario):
    """Users look at items, one of which is gone, and follow a redirect."""

    base_url = Unicode("", help="server to test")

    async def start(self, user: murmur.User) -> None:
        for number in range(20):
            await user.http.get("/items/{id}", id=number)
        await user.http.get("/gone")
        await user.http.get("/old")


def test_what_is_recorded_is_what_the_server_logged(nginx: Any) -> None:
    before = len(nginx.log())
    with murmur.Session() as session:
        run = session.do(Shopping, 30, user_rate=math.inf, end_when_idle=True, base_url=nginx.url)
        run.wait(timeout=60)
        until(lambda: len(nginx.log()) == before + 30 * 23)
    logged = nginx.log()[before:]
    actions = run.results.actions
    counters = run.results.counters.groupby("name", observed=True)["value"].sum()

    by_name = actions.groupby("name", observed=True).size().to_dict()
    assert by_name == {"GET /items/{id}": 600, "GET /gone": 30, "GET /old": 30}
    assert actions.loc[~actions["ok"], "error"].value_counts().to_dict() == {
        "StatusError: HTTP 404": 30
    }
    for status in ("200", "302", "404"):
        assert counters[f"http.status.{status}"] == sum(e[0] == status for e in logged)
    assert counters["http.connections"] == len({entry[3] for entry in logged}) == 30
    assert set(run.results.users["outcome"]) == {"finished"}


class Endless(murmur.Scenario):
    """Users ask until they are told to leave, and log out."""

    base_url = Unicode("", help="server to test")

    async def start(self, user: murmur.User) -> None:
        try:
            while True:
                await user.http.get("/items/1")
        except murmur.Leaving:
            await user.http.post("/echo", name="logout", leaving=True)
            raise


def test_users_that_are_stopped_leave_no_request_uncounted(nginx: Any) -> None:
    before = len(nginx.log())
    with murmur.Session() as session:
        run = session.do(Endless, 10, user_rate=math.inf, base_url=nginx.url)
        until(lambda: len(nginx.log()) > before + 500)
        session.remove(5)
        until(lambda: session.status().users["gone"] == 5)
        session.stop()
        run.wait(timeout=60)
    count = len(run.results.actions)

    assert run.results.users["outcome"].value_counts()["left"] == 10
    assert (run.results.actions["name"] == "logout").sum() == 10
    until(lambda: len(nginx.log()) == before + count)


class Sharing(murmur.Scenario):
    """Users share two connections."""

    base_url = Unicode("", help="server to test")

    def init(self) -> None:
        self.http = Options(base_url=self.base_url, share_connections=True, max_connections=2)

    async def start(self, user: murmur.User) -> None:
        for _ in range(10):
            await user.http.get("/items/1")


def test_users_may_share_connections(nginx: Any) -> None:
    before = len(nginx.log())
    with murmur.Session() as session:
        run = session.do(Sharing, 20, user_rate=math.inf, end_when_idle=True, base_url=nginx.url)
        run.wait(timeout=60)
        until(lambda: len(nginx.log()) == before + 200)
    connections = {entry[3] for entry in nginx.log()[before:]}

    assert len(run.results.actions) == 200
    assert run.results.actions["ok"].all()
    # nginx closes each after 50 requests: 200 requests over two at a time.
    assert 4 <= len(connections) <= 6


def test_two_sessions_share_no_connections_nor_what_one_of_them_may_do(nginx: Any) -> None:
    class Shared(murmur.Scenario):
        """Users of all sessions have the same options."""

        http = Options(base_url=nginx.url, share_connections=True)

        async def start(self, user: murmur.User) -> None:
            while True:
                await user.http.get("/items/1")
                await user.sleep(0.01)

    with murmur.Session() as session, murmur.Session(allow=["shop.test"]) as guarded:
        run = session.do(Shared, 5, user_rate=math.inf)
        until(lambda: len(run.results.actions) > 20)
        refused = guarded.do(Shared, 5, user_rate=math.inf, end_when_idle=True)
        refused.wait(timeout=60)
        session.stop()
        run.wait(timeout=60)

    assert run.results.actions["ok"].all()
    kinds = set(refused.results.errors["kind"])
    assert kinds == {"TargetNotAllowedError"}


def test_a_guard_refuses_every_other_target(nginx: Any) -> None:
    with murmur.Session(allow=["localhost"]) as session:
        run = session.do(Shopping, 1, user_rate=math.inf, end_when_idle=True, base_url=nginx.url)
        run.wait(timeout=60)
        (row,) = run.results.users.itertuples()
        assert row.outcome == "failed"
        assert row.reason.startswith("TargetNotAllowedError: '127.0.0.1' is not an allowed target")

        there = f"http://localhost:{nginx.port}"
        run = session.do(Shopping, 1, user_rate=math.inf, end_when_idle=True, base_url=there)
        assert run.wait(timeout=60).users["gone"] == 1
        assert set(run.results.users["outcome"]) == {"finished"}
