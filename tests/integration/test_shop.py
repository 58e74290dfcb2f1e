"""The shop sells as its page says, to many customers and to rude ones."""

from __future__ import annotations

import socket
import time
from typing import Any

import anyio
import pytest

from murmur.errors import MurmurError
from murmur.http import Client
from murmur.testing import Shop, shop_process


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def shop() -> Any:
    async with Shop(latency=0.0, tills=2, till_seconds=0.05) as opened:
        yield opened


@pytest.fixture
async def client(shop: Shop) -> Any:
    async with Client(base_url=shop.url) as made:
        yield made


async def test_a_customer_looks_buys_and_pays(shop: Shop, client: Client) -> None:
    items = (await client.get("/items", params={"from": 999, "count": 5})).json()
    login = await client.post("/login", json={"name": "ann"})
    added = await client.post("/cart", json={"item": 3})
    cart = await client.get("/cart")
    paid = await client.post("/checkout")

    assert [item["id"] for item in items] == [999, 1000]
    assert (login.status, login.content) == (204, b"")
    assert added.status == 201
    assert cart.json() == {"items": [{"item": 3, "count": 1}]}
    assert paid.json() == {"total": 13}
    assert (shop.counters.logins, shop.counters.sold, shop.counters.failed) == (1, 1, 0)
    assert shop.counters.requests == 5


@pytest.mark.parametrize(("method", "path", "json", "status"), [
    ("GET", "/items/0", {}, 404), ("GET", "/items/x", {}, 404), ("GET", "/no", {}, 404),
    ("PUT", "/cart", {}, 405), ("GET", "/cart", {}, 401), ("POST", "/checkout", {}, 401),
    ("POST", "/login", {}, 400),
])  # fmt: skip
async def test_what_cannot_be_had_has_its_status(
    client: Client, method: str, path: str, json: object, status: int
) -> None:
    assert (await client.request(method, path, json=json)).status == status


async def test_a_customer_with_an_empty_cart_cannot_pay(client: Client) -> None:
    await client.post("/login", json={"name": "bob"})

    assert (await client.post("/cart", json={"item": "no"})).status == 400
    assert (await client.post("/checkout")).status == 409


async def test_so_many_pay_at_a_time(shop: Shop) -> None:
    async def buy() -> None:
        async with Client(base_url=shop.url) as client:
            await client.post("/login", json={"name": "x"})
            await client.post("/cart", json={"item": 1})
            await client.post("/checkout")

    began = time.monotonic()
    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(buy)

    assert time.monotonic() - began >= 4 * 0.05
    assert shop.counters.sold == 8


async def test_a_feed_comes_line_by_line(client: Client) -> None:
    lines = b""
    async with client.get("/feed", params={"parts": 3}, stream=True) as response:
        async for part in response.iter_bytes():
            lines += part

    assert lines == b'{"part": 0}\n{"part": 1}\n{"part": 2}\n'


async def test_a_rude_customer_is_sent_home(shop: Shop) -> None:
    async with await anyio.connect_tcp(shop.host, shop.port) as stream:
        await stream.send(b"hello\r\n\r\n")

        assert (await stream.receive()).startswith(b"HTTP/1.1 400 ")


def test_it_opens_in_a_process_of_its_own_and_freezes() -> None:
    with shop_process(latency=0.0) as shop:

        async def look(timeout: float) -> str | None:
            async with Client(base_url=shop.url) as client:
                return (await client.get("/items/1", timeout=timeout)).failure

        assert anyio.run(look, 60) is None
        shop.freeze(3)
        assert anyio.run(look, 1) == "no answer within 1 s"
        assert repr(shop) == f"<ShopProcess 127.0.0.1:{shop.port} running>"
        counts = shop.stop()
    assert counts.requests == 1


def test_it_says_why_it_cannot_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(MurmurError, match=f"shop: cannot listen on 127.0.0.1:{port}"):
            shop_process(port=port)
