"""Streams that begin and then say nothing more, as a program: events, and a WebSocket."""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web


async def events(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write(b"data: first\n\n")
    await asyncio.sleep(600)
    return response


async def socket(request: web.Request) -> web.WebSocketResponse:
    response = web.WebSocketResponse()
    await response.prepare(request)
    await response.send_str("first")
    async for _ in response:
        pass
    return response


if __name__ == "__main__":
    app = web.Application()
    app.add_routes([web.get("/events", events), web.get("/socket", socket)])
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
