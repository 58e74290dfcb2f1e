"""Players of a game over UDP: they send moves, and get ticks and the moves of the others.

docs/how-to/test-a-game-server.md explains it.
"""

from __future__ import annotations

import anyio
from anyio.abc import ConnectedUDPSocket
from traitlets import Float, Int, Unicode

import murmur


class Player(murmur.Scenario):
    """Players move at an even pace, and follow the ticks of the server."""

    host = Unicode("127.0.0.1", help="host of the server")
    port = Int(9999, min=1, max=65535, help="port of the server")
    players = Int(10, min=1, help="players of one game, who see each other's moves")
    pace = Float(0.1, min=0.001, help="seconds between two moves")
    silence = Float(2.0, min=0, help="seconds without a tick after which a player joins again")

    async def start(self, user: murmur.User) -> None:
        """Join the game, play, and join again when nothing is heard any more."""
        async with await anyio.create_connected_udp_socket(self.host, self.port) as socket:
            while True:
                await socket.send(b"join")
                try:
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(self.move, user, socket)
                        tasks.start_soon(self.follow, user, socket)
                except* (TimeoutError, OSError, anyio.BrokenResourceError):
                    user.record("tick", self.silence, ok=False)
                await user.sleep(user.random.uniform(0.5, 1.5))

    async def move(self, user: murmur.User, socket: ConnectedUDPSocket) -> None:
        """Send a move at an even pace: all other players are to see it."""
        while True:
            await user.sleep(self.pace)
            stamp = user.stamp("move", expected=self.players - 1)
            await socket.send(b"move " + stamp.encode())

    async def follow(self, user: murmur.User, socket: ConnectedUDPSocket) -> None:
        """Take moves and ticks: how even ticks come, and how many never do."""
        number, came_at, began_at = 0, user.now(), user.now()
        while True:
            packet = await user.wait_for(socket.receive(), timeout=self.silence)
            kind, _, content = packet.partition(b" ")
            if kind == b"move":
                user.arrived(content)
            elif kind == b"tick":
                last, number = number, int(content)
                last_at, came_at = came_at, user.now()
                if last_at > began_at:
                    user.record("tick", came_at - last_at)
                    user.count("ticks.lost", max(0, number - last - 1))
                user.count("ticks")
            if user.now() - came_at > self.silence:
                raise TimeoutError("no tick came")
