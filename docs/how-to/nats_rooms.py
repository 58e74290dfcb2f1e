"""Users of a NATS server who talk in rooms: each hears what the others say.

docs/how-to/test-a-nats-server.md explains it.
"""

from __future__ import annotations

from contextlib import suppress

import anyio
import nats
from nats.aio.client import Client
from nats.errors import Error
from traitlets import Float, Int, Unicode

import murmur


class Rooms(murmur.Scenario):
    """Users talk in rooms, and hear themselves as well as the others."""

    url = Unicode("nats://127.0.0.1:4222", help="address of the server")
    room_size = Int(10, min=1, help="users in a room")
    pace = Float(1.0, min=0.01, help="seconds between two words of a user")
    patience = Float(5.0, min=0.1, help="seconds that connecting, or a word, may take")

    async def start(self, user: murmur.User) -> None:
        """Be in a room; after an interruption, come back."""
        while True:
            try:
                await self.visit(user)
            except* (Error, OSError, TimeoutError):
                user.count("interruptions")
            await user.sleep(user.random.uniform(0.5, 1.5))

    async def visit(self, user: murmur.User) -> None:
        """Connect, and talk and listen until the connection ends."""
        client = Client()
        try:
            with user.timer("connect"):
                connecting = client.connect(
                    self.url,
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0,
                    error_cb=be_silent,
                )
                await user.wait_for(connecting, timeout=self.patience)
            room = f"rooms.{(user.id - 1) // self.room_size}"
            heard = await client.subscribe(room)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.listen, user, heard)
                tasks.start_soon(self.talk, user, client, room)
        finally:
            # It may raise if the server is gone, and would hide the error that counts.
            with suppress(Exception), anyio.move_on_after(1, shield=True):
                await client.close()

    async def listen(self, user: murmur.User, heard: nats.aio.subscription.Subscription) -> None:
        """Note what arrives."""
        async for message in user.iterate(heard.messages):
            user.arrived(message.data)
        raise ConnectionResetError("the subscription ended")

    async def talk(self, user: murmur.User, client: Client, room: str) -> None:
        """Say something now and then, and know that the server has it."""
        while True:
            await user.sleep(self.pace)
            with user.timer("say"):
                stamp = user.stamp("word", expected=self.room_size)
                await client.publish(room, stamp.encode())
                await client.flush(timeout=self.patience)


async def be_silent(error: Exception) -> None:
    """Take what the client would log, a traceback for each user."""
