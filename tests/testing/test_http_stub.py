"""The stub answers in virtual time, and remembers what it was asked."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from murmur.errors import ConnectionLostError
from murmur.http import Client, Options
from murmur.testing import HttpStub


@pytest.fixture
async def now() -> Any:
    return anyio.current_time


async def test_it_takes_as_long_as_it_is_told(now: Any) -> None:
    stub = HttpStub(lambda request: 200, latency=lambda request: 3600.0)
    began = now()
    async with Client(options=Options(base_url="http://a.test", transport=stub, timeout=7200)) as c:
        response = await c.get("/x")

    assert response.ok
    assert now() - began == pytest.approx(3600)
    assert [request.target for request in stub.requests] == ["/x"]
    assert stub.is_closed


async def test_it_fails_as_it_is_told() -> None:
    stub = HttpStub(lambda request: ConnectionLostError("gone"))
    async with Client(options=Options(base_url="http://a.test", transport=stub)) as client:
        assert (await client.get("/")).failure == "gone"


async def test_it_answers_with_fields_and_body() -> None:
    stub = HttpStub(lambda request: (201, {"X-A": "1"}, request.body or b"none"))
    async with Client(options=Options(base_url="http://a.test", transport=stub)) as client:
        response = await client.post("/", data=b"hello")

    assert (response.status, response.headers["x-a"], response.text) == (201, "1", "hello")
