"""Users of a gRPC service who say something and listen, each over a connection of its own.

docs/how-to/test-a-grpc-service.md explains it.
"""

from __future__ import annotations

import anyio
import grpc
from traitlets import Float, Int, Unicode

import murmur

OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),  # without it, all channels share one connection
    ("grpc.enable_retries", 0),  # a retry would hide a failure as latency
)


class Chat(murmur.Scenario):
    """Users listen to what all say, and say something now and then."""

    target = Unicode("127.0.0.1:50051", help="host and port of the service")
    listeners = Int(10, min=1, help="users who are to hear each word")
    pace = Float(1.0, min=0.01, help="seconds between two words of a user")
    patience = Float(5.0, min=0, help="deadline of a call, in seconds")

    async def start(self, user: murmur.User) -> None:
        """Open a channel, and be in the chat; after a failure, come back."""
        async with grpc.aio.insecure_channel(self.target, options=OPTIONS) as channel:
            while True:
                try:
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(self.listen, user, channel)
                        tasks.start_soon(self.talk, user, channel)
                except* (grpc.aio.AioRpcError, TimeoutError):
                    user.count("interruptions")
                await user.sleep(user.random.uniform(0.5, 1.5))

    async def listen(self, user: murmur.User, channel: grpc.aio.Channel) -> None:
        """Read the stream for as long as it lasts, and note what arrives."""
        call = channel.unary_stream("/chat.Chat/Listen")(str(user.id).encode())
        try:
            with user.timer("open"):
                await user.wait_for(call.wait_for_connection(), timeout=self.patience)
            async for word in user.iterate(call):
                user.arrived(word)
        finally:
            call.cancel()

    async def talk(self, user: murmur.User, channel: grpc.aio.Channel) -> None:
        """Say something now and then, each with a deadline; users are spread over the pace."""
        say = channel.unary_unary("/chat.Chat/Say")
        await user.sleep(user.random.uniform(0, self.pace))
        while True:
            with user.timer("say"):
                word = user.stamp("word", expected=self.listeners)
                await say(word.encode(), timeout=self.patience)
            await user.sleep(self.pace)
