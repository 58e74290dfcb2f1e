"""Every address of a name is tried, and none for so long that the others wait for it."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from murmur._backend import ascii_host, dial, is_address

SILENT = "192.0.2.1"  # of nobody; connecting is made to wait below


@pytest.fixture(params=["asyncio", "asyncio+uvloop"])
def anyio_backend(request: Any) -> Any:
    return "asyncio", {"use_uvloop": request.param.endswith("uvloop")}


@pytest.fixture
def port() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener.getsockname()[1]


class Names:
    """A name server and a network that are told what to do."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.addresses: list[str] = []
        self.tried: list[str] = []
        self._connect = asyncio.get_running_loop().create_connection
        self.loop = Loop(asyncio.get_running_loop(), self)
        monkeypatch.setattr("murmur._backend._dial.asyncio.get_running_loop", lambda: self.loop)


class Loop:
    """The loop, but for names and for addresses of nobody."""

    def __init__(self, real: Any, names: Names) -> None:
        self._real = real
        self._names = names

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def getaddrinfo(self, host: str, port: int, **_: Any) -> Any:
        return [
            (
                socket.AF_INET6 if ":" in each else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (each, port),
            )
            for each in self._names.addresses
        ]

    async def create_connection(self, make: Any, host: str, port: int, **more: Any) -> Any:
        self._names.tried.append(host)
        if host == SILENT:
            await asyncio.sleep(60)
        if host.startswith("2001:db8:"):
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        return await self._real.create_connection(make, host, port, **more)


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


def _links() -> list[tuple[str, str]]:
    """Return the addresses of links that this machine has, each with its zone; of Linux."""
    table = Path("/proc/net/if_inet6")
    rows = table.read_text(encoding="ascii").splitlines() if table.exists() else []
    fields = [row.split() for row in rows]
    return [
        (socket.inet_ntop(socket.AF_INET6, bytes.fromhex(each[0])), each[5])
        for each in fields
        if each[0].startswith("fe80") and each[5] != "lo"
    ]


class Protocol(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def close(self) -> None:
        self.transport.abort()


@pytest.mark.parametrize("addresses", [
    ["127.0.0.9", "127.0.0.1"],
    ["2001:db8::1", "127.0.0.1"],
    ["127.0.0.9", "2001:db8::1", "2001:db8::2", "127.0.0.8", "127.0.0.1"],
])  # fmt: skip
async def test_an_address_that_refuses_costs_no_time(
    names: Names, port: int, addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("murmur._backend._dial.STAGGER", 600.0)  # pytest ends it after half of that
    names.addresses = addresses
    (await dial(Protocol, "shop.test", port)).close()

    assert names.tried[-1] == "127.0.0.1"


async def test_an_address_that_is_silent_costs_a_quarter_of_a_second(
    names: Names, port: int
) -> None:
    names.addresses = [SILENT, "127.0.0.1"]
    began = time.monotonic()
    (await dial(Protocol, "shop.test", port)).close()

    assert 0.24 < time.monotonic() - began < 30  # the system would take minutes
    assert names.tried == [SILENT, "127.0.0.1"]


async def test_families_take_turns(names: Names, port: int) -> None:
    names.addresses = ["2001:db8::1", "2001:db8::2", "127.0.0.9", "127.0.0.1"]
    (await dial(Protocol, "shop.test", port)).close()

    assert names.tried == ["2001:db8::1", "127.0.0.9", "2001:db8::2", "127.0.0.1"]


async def test_of_several_errors_the_one_of_a_server_is_told(names: Names, port: int) -> None:
    names.addresses = ["2001:db8::1", "127.0.0.9", "2001:db8::2"]

    with pytest.raises(ConnectionRefusedError):
        await dial(Protocol, "shop.test", port)


async def test_a_name_without_an_address_is_not_known(names: Names, port: int) -> None:
    names.addresses = []

    with pytest.raises(socket.gaierror):
        await dial(Protocol, "shop.test", port)


async def test_no_other_zone_is_taken_for_one_that_is_not_there(port: int) -> None:
    with pytest.raises(OSError) as refused:
        async with asyncio.timeout(60):
            await dial(Protocol, "fe80::1%none-such", port)

    assert not isinstance(refused.value, TimeoutError)


@pytest.mark.skipif(not _links(), reason="no address of a link here")
async def test_an_address_of_a_link_is_reached_over_its_zone_alone() -> None:
    address, zone = _links()[0]
    with socket.socket(socket.AF_INET6) as listener:
        listener.bind((address, 0, 0, socket.if_nametoindex(zone)))
        listener.listen()
        port = listener.getsockname()[1]
        async with asyncio.timeout(60):
            (await dial(Protocol, f"{address}%{zone}", port)).close()
            with pytest.raises(OSError):
                await dial(Protocol, f"{address}%lo", port)


async def test_one_that_is_cancelled_leaves_nothing(names: Names, port: int) -> None:
    names.addresses = [SILENT, "2001:db8::1"]
    before = len(asyncio.all_tasks())

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.4):
            await dial(Protocol, "shop.test", port)
    assert len(asyncio.all_tasks()) == before


async def test_one_may_say_where_to_connect_from(port: int) -> None:
    made = await dial(Protocol, "127.0.0.1", port, source="127.0.0.5")

    assert made.transport.get_extra_info("sockname")[0] == "127.0.0.5"
    made.close()


@pytest.mark.parametrize(("host", "expected"), [
    ("127.0.0.1", True), ("::1", True), ("shop.test", False), ("127.1", False), ("\0", False),
])  # fmt: skip
def test_an_address_is_told_from_a_name(host: str, expected: bool) -> None:
    assert is_address(host) is expected


@pytest.mark.parametrize(("host", "expected"), [
    ("Shop.Test", "shop.test"), ("faß.de", "xn--fa-hia.de"), ("βόλος.com", "xn--nxasmm1c.com"),
    ("ex\u3002test", "ex.test"), ("_x.ü.test", "_x.xn--tda.test"),
])  # fmt: skip
def test_names_follow_idna_2008(host: str, expected: str) -> None:
    assert ascii_host(host) == expected
