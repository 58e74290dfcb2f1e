"""A game over UDP, as a program: players join, hear each other's moves and 20 ticks a second.

It leaves out every tenth tick of each player if it is told to, as a bad network does.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any


class Game(asyncio.DatagramProtocol):
    def __init__(self, *, is_bad: bool) -> None:
        self._players: set[Any] = set()
        self._is_bad = is_bad

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    def datagram_received(self, packet: bytes, player: Any) -> None:
        if packet == b"join":
            self._players.add(player)
        for other in self._players - {player} if packet.startswith(b"move") else ():
            self._transport.sendto(packet, other)

    def error_received(self, error: Exception) -> None:
        """Pass over players who are gone."""

    async def tick(self) -> None:
        number = 0
        while True:
            number += 1
            for player in self._players if number % 10 or not self._is_bad else ():
                self._transport.sendto(b"tick %d" % number, player)
            await asyncio.sleep(0.05)


async def main(port: int, network: str) -> None:
    loop = asyncio.get_running_loop()
    _, game = await loop.create_datagram_endpoint(
        lambda: Game(is_bad=network == "bad"), ("127.0.0.1", port)
    )
    # Whoever waits for the game to begin can connect then.
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", port):
        await game.tick()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
