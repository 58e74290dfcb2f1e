"""Users of a Socket.IO server who talk in rooms: each hears what the others say.

docs/how-to/test-a-socketio-server.md explains it.
"""

from __future__ import annotations

import logging
from contextlib import suppress

import aiohttp
import anyio
import socketio
from socketio.exceptions import SocketIOError
from traitlets import Float, Int, Unicode

import murmur

for name in ("socketio.client", "engineio.client"):  # they write of each connection that ends
    logging.getLogger(name).setLevel(logging.CRITICAL)


class Rooms(murmur.Scenario):
    """Users talk in rooms, and hear themselves as well as the others."""

    url = Unicode("http://127.0.0.1:5000", help="address of the server")
    room_size = Int(10, min=1, help="users in a room")
    pace = Float(1.0, min=0.01, help="seconds between two words of a user")
    patience = Float(5.0, min=0.1, help="seconds that connecting, or a word, may take")

    async def start(self, user: murmur.User) -> None:
        """Be in a room; after an interruption, come back."""
        while True:
            try:
                await self.visit(user)
            except (SocketIOError, OSError, TimeoutError):
                user.count("interruptions")
            await user.sleep(user.random.uniform(0.5, 1.5))

    async def visit(self, user: murmur.User) -> None:
        """Connect, join a room, and talk until the connection ends."""

        def heard(word: str) -> None:
            user.arrived(word)

        # A session of one's own closes the connection also when the client was only half open.
        async with aiohttp.ClientSession() as http:
            client = socketio.AsyncClient(
                reconnection=False, http_session=http, handle_sigint=False
            )
            client.on("word", heard)
            try:
                await self.enter(user, client)
                await self.talk(user, client)
            finally:
                with suppress(Exception), anyio.move_on_after(1, shield=True):
                    await client.shutdown()

    async def enter(self, user: murmur.User, client: socketio.AsyncClient) -> None:
        """Connect, and join a room."""
        with user.timer("connect"):
            connecting = client.connect(self.url, transports=["websocket"])
            await user.wait_for(connecting, timeout=self.patience)
        with user.timer("join"):
            room = f"room-{(user.id - 1) // self.room_size}"
            await user.wait_for(client.call("join", room, timeout=self.patience))

    async def talk(self, user: murmur.User, client: socketio.AsyncClient) -> None:
        """Say something now and then; the server acknowledges it when the others have it."""
        while True:
            await user.sleep(self.pace)
            with user.timer("say"):
                word = user.stamp("word", expected=self.room_size)
                await user.wait_for(client.call("say", word, timeout=self.patience))
