"""The light JSON connection, on a real socket and on both backends."""

from __future__ import annotations

import socket
from types import SimpleNamespace

import anyio
import anyio.lowlevel
import pytest

from murmur import JsonConnection, connect_json
from murmur.errors import InvalidDocumentError, Leaving
from murmur.runtime import User


@pytest.fixture(params=["asyncio", "trio", "asyncio+uvloop"])
def anyio_backend(request):
    name, _, loop = request.param.partition("+")
    return (name, {"use_uvloop": bool(loop)}) if name == "asyncio" else name


class Peers:
    """A connection, its user, and the server's end of it."""

    def __init__(self, listener: socket.socket, native) -> None:
        self._listener = listener
        run = SimpleNamespace(native=native(), spec=SimpleNamespace(allow=None))
        self.user = User(1, run, 0.0)  # type: ignore[arg-type]
        self.connection: JsonConnection
        self.server: socket.socket

    async def __aenter__(self) -> Peers:
        self.connection = await connect_json(self.user, *self._listener.getsockname())
        self.server, _ = self._listener.accept()
        self.server.settimeout(5)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.connection.aclose()
        self.server.close()

    def say_last(self, data: bytes) -> None:
        self.server.sendall(data)
        self.server.shutdown(socket.SHUT_WR)

    async def fill(self) -> None:
        """Send until nothing more fits into the connection."""
        self.server.setblocking(False)
        for _ in range(10_000):
            await anyio.lowlevel.checkpoint()
            self.server.sendall(b'["' + b"x" * 10_000 + b'"]')

    def ask_to_leave(self) -> None:
        self.user.ask(0.0)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


async def later(fn, *args) -> None:
    await anyio.sleep(0.05)
    fn(*args)


async def test_a_message_goes_out_as_one_document(listener, native):
    async with Peers(listener, native) as peers:
        await peers.connection.send({"text": "ä"})

        assert await anyio.to_thread.run_sync(peers.server.recv, 100) == b'{"text":"\\u00e4"}'


async def test_messages_are_received_one_by_one(listener, native):
    async with Peers(listener, native) as peers:
        peers.server.sendall(b'{"a": 1}{"a": 2}{"a"')

        assert await peers.connection.receive() == {"a": 1}
        assert await peers.connection.receive() == {"a": 2}
        with pytest.raises(anyio.WouldBlock):
            peers.connection.receive_nowait()


async def test_waiting_ends_at_the_deadline(listener, native):
    async with Peers(listener, native) as peers:
        connection = peers.connection

        assert not await connection.wait_message(connection.now() + 0.02)


async def test_waiting_ends_when_a_message_comes(listener, native):
    async with Peers(listener, native) as peers, anyio.create_task_group() as tasks:
        tasks.start_soon(later, peers.server.sendall, b"[1]")

        assert await peers.connection.wait_message(peers.connection.now() + 5)
        assert peers.connection.receive_nowait() == [1]


async def test_waiting_ends_when_the_user_is_asked_to_leave(listener, native):
    async with Peers(listener, native) as peers, anyio.create_task_group() as tasks:
        tasks.start_soon(later, peers.ask_to_leave)
        with pytest.raises(Leaving):
            await peers.connection.receive()


async def test_whoever_has_sent_its_last_still_receives_although_it_is_leaving(listener, native):
    async with Peers(listener, native) as peers, anyio.create_task_group() as tasks:
        peers.ask_to_leave()
        await peers.connection.send_eof()
        assert await anyio.to_thread.run_sync(peers.server.recv, 100) == b""
        tasks.start_soon(later, peers.say_last, b"[1]")

        assert [message async for message in peers.connection] == [[1]]


async def test_what_arrived_before_the_end_is_received_first(listener, native):
    async with Peers(listener, native) as peers:
        peers.server.sendall(b"[1][2]")
        peers.server.close()

        assert await peers.connection.receive() == [1]
        assert await peers.connection.receive() == [2]
        with pytest.raises(anyio.EndOfStream, match="the server closed the connection"):
            await peers.connection.receive()


async def test_bad_json_is_an_error_after_what_came_before_it(listener, native):
    async with Peers(listener, native) as peers:
        peers.server.sendall(b"[1]{bad")

        assert await peers.connection.receive() == [1]
        with pytest.raises(InvalidDocumentError):
            await peers.connection.receive()


async def test_a_broken_connection_is_an_error(listener, native):
    async with Peers(listener, native) as peers:
        reset = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # linger for no time: close with a reset
        peers.server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        peers.server.close()
        with pytest.raises(anyio.BrokenResourceError):
            await peers.connection.receive()
        with pytest.raises(anyio.BrokenResourceError):
            await peers.connection.send([1])


async def test_a_cancelled_wait_loses_no_message(listener, native):
    async with Peers(listener, native) as peers:
        with anyio.move_on_after(0.02):
            await peers.connection.receive()
        peers.server.sendall(b"[1]")

        assert await peers.connection.receive() == [1]
        assert not peers.user._parked


async def test_a_sender_waits_for_a_server_that_does_not_read(listener, native):
    async with Peers(listener, native) as peers:
        with anyio.move_on_after(0.5) as scope:
            for _ in range(200):
                await peers.connection.send("x" * 100_000)

        assert scope.cancelled_caught


async def test_a_sender_that_waits_hears_that_the_connection_broke(listener, native):
    message = {"text": "x" * 20_000_000}  # more than the sockets take
    async with Peers(listener, native) as peers, anyio.create_task_group() as tasks:
        tasks.start_soon(later, peers.server.close)  # what it did not read, it never will

        with pytest.raises(anyio.BrokenResourceError):
            await peers.connection.send(message)


async def test_a_server_waits_for_a_user_that_does_not_receive(listener, native):
    async with Peers(listener, native) as peers:
        with pytest.raises(BlockingIOError):
            await peers.fill()

        assert len(peers.connection._inbox) <= 2_000


async def test_a_refused_connection_names_host_and_port(listener, native):
    peers = Peers(listener, native)
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(OSError, match=f"cannot connect to 127.0.0.1:{port}: "):
        await connect_json(peers.user, "127.0.0.1", port)


@pytest.mark.parametrize("port", [0, -1, 65_536, 4_000_000_000, "http", 80.5, True, None])
async def test_what_is_no_port_is_refused(listener, native, port):
    with pytest.raises(ValueError, match="give a whole number from 1 to 65535"):
        await connect_json(Peers(listener, native).user, "127.0.0.1", port)


async def test_what_is_no_host_is_refused(listener, native):
    with pytest.raises(ValueError, match="host=None: give a name or an address"):
        await connect_json(Peers(listener, native).user, None, 80)
