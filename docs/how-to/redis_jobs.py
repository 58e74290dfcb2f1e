"""Users of a Redis: some put jobs into a list, others wait for them, all hear the news.

docs/how-to/test-redis.md explains it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import redis.asyncio as redis
from redis.exceptions import RedisError
from traitlets import Float, Int, Unicode

import murmur


class Jobs(murmur.Scenario):
    """Every second user puts jobs into a list, and the others work on them."""

    host = Unicode("127.0.0.1", help="host of the server")
    port = Int(6379, min=1, max=65535, help="port of the server")
    rate = Float(100.0, min=0, help="jobs per second, over all users")
    connections = Int(20, min=1, help="connections that those who put jobs share, on a node")
    patience = Float(5.0, min=0, help="seconds that a command may take")

    async def init(self) -> None:
        """Make the pool that users share, and the pace."""
        pool = redis.BlockingConnectionPool(
            host=self.host,
            port=self.port,
            max_connections=self.connections,
            timeout=self.patience,
            socket_timeout=self.patience,
            retry=None,
        )
        self.shared = redis.Redis.from_pool(pool)
        self.jobs = await murmur.throttle("jobs", rate=self.rate, interval=1)

    async def start(self, user: murmur.User) -> None:
        """Put jobs into the list, or work; after a failure, go on a second later."""
        await self.endure(user, self.put if user.id % 2 else self.work)

    async def endure(
        self, user: murmur.User, role: Callable[[murmur.User], Awaitable[None]]
    ) -> None:
        """Play a role, and again when it was interrupted."""
        while True:
            try:
                await role(user)
            except (RedisError, OSError, LookupError):
                user.count("interruptions")
                await user.sleep(1)

    async def put(self, user: murmur.User) -> None:
        """Put a job into the list whenever the throttle says so."""
        while True:
            await self.jobs.wait()
            with user.timer("put"):
                await user.wait_for(self.shared.rpush("jobs", user.stamp("job")))

    async def work(self, user: murmur.User) -> None:
        """Wait for jobs over a connection of one's own, for as long as it takes."""
        async with redis.Redis(
            host=self.host, port=self.port, socket_timeout=None, retry=None
        ) as own:
            while True:
                _, job = await user.wait_for(own.blpop(["jobs"], timeout=0))
                user.arrived(job)

    async def terminate(self) -> None:
        """Close what the users shared."""
        await self.shared.aclose()


class News(Jobs):
    """The first users subscribe, and all others publish."""

    subscribers = Int(10, min=1, help="users that listen; the others publish")

    async def start(self, user: murmur.User) -> None:
        """Listen or publish; after a failure, go on a second later."""
        role = self.listen if user.id <= self.subscribers else self.publish
        await self.endure(user, role)

    async def publish(self, user: murmur.User) -> None:
        """Publish whenever the throttle says so, and fail if nobody listens."""
        while True:
            await self.jobs.wait()
            with user.timer("publish"):
                stamp = user.stamp("news", expected=self.subscribers)
                if not await user.wait_for(self.shared.publish("news", stamp)):
                    raise LookupError("nobody listens")

    async def listen(self, user: murmur.User) -> None:
        """Take what is published."""
        async with (
            redis.Redis(host=self.host, port=self.port, socket_timeout=None, retry=None) as own,
            own.pubsub(ignore_subscribe_messages=True) as channel,
        ):
            with user.timer("subscribe"):
                await user.wait_for(channel.subscribe("news"), timeout=self.patience)
            async for message in user.iterate(channel.listen()):
                user.arrived(message["data"])
