"""Rooms of Socket.IO, as a program: what one user says, all in its room hear."""

from __future__ import annotations

import sys

import socketio
from aiohttp import web

server = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins="*")


@server.event
async def connect(client: str, environment: object) -> None:
    """Let everybody in."""


@server.event
async def join(client: str, room: str) -> None:
    await server.save_session(client, {"room": room})
    await server.enter_room(client, room)


@server.event
async def say(client: str, word: str) -> None:
    session = await server.get_session(client)
    await server.emit("word", word, room=session["room"])


if __name__ == "__main__":
    app = web.Application()
    server.attach(app)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
