"""A chat over gRPC, as a program: what one user says, all that listen hear."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import grpc


class Chat(grpc.GenericRpcHandler):
    """The methods ``/chat.Chat/Say`` and ``/chat.Chat/Listen``, of bytes."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[bytes]] = set()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> object:
        match handler_call_details.method:
            case "/chat.Chat/Say":
                return grpc.unary_unary_rpc_method_handler(self.say)
            case "/chat.Chat/Listen":
                return grpc.unary_stream_rpc_method_handler(self.listen)
        return None

    async def say(self, word: bytes, context: grpc.aio.ServicerContext) -> bytes:
        if word == b"nonsense":
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "nonsense")
        for listener in self._listeners:
            listener.put_nowait(word)
        return b""

    async def listen(self, _: bytes, context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
        words: asyncio.Queue[bytes] = asyncio.Queue()
        self._listeners.add(words)
        await context.send_initial_metadata([])
        try:
            while True:
                yield await words.get()
        finally:
            self._listeners.discard(words)


async def main(port: int) -> None:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers([Chat()])
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
