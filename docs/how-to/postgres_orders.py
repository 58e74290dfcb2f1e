"""Users of a PostgreSQL who order and look, over one pool of connections.

docs/how-to/test-postgresql.md explains it.
"""

from __future__ import annotations

import asyncpg
from traitlets import Float, Int, Unicode

import murmur

FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What asyncpg raises when a server fails, is shut down, or is not there; and a time-out."""


class Orders(murmur.Scenario):
    """Users order and look at what they ordered."""

    dsn = Unicode("postgresql://postgres@127.0.0.1:5432/postgres", help="where the database is")
    rate = Float(100.0, min=0, help="transactions per second, over all users")
    connections = Int(10, min=1, help="connections of the pool, on each node")
    patience = Float(5.0, min=0, help="seconds that a wait for the pool, or a query, may take")

    async def init(self) -> None:
        """Open all connections, and make the table."""
        self.pool = await asyncpg.create_pool(
            self.dsn,
            min_size=self.connections,
            max_size=self.connections,
            command_timeout=self.patience,
        )
        await self.pool.execute(
            "CREATE TABLE IF NOT EXISTS orders (id bigserial PRIMARY KEY, buyer int, goods text)"
        )
        self.pace = await murmur.throttle("transactions", rate=self.rate, interval=1)

    async def start(self, user: murmur.User) -> None:
        """Order and look; after a failure, go on a second later."""
        while True:
            await self.pace.wait()
            try:
                await self.transact(user)
            except FAILURES:
                user.count("interruptions")
                await user.sleep(1)

    async def transact(self, user: murmur.User) -> None:
        """Take a connection, use it, and give it back."""
        with user.timer("pool"):
            connection = await user.wait_for(self.pool.acquire(), timeout=self.patience)
        try:
            with user.timer("order"):
                await user.wait_for(self.order(connection, user.id), timeout=self.patience)
            with user.timer("look"):
                count = await user.wait_for(
                    connection.fetchval("SELECT count(*) FROM orders WHERE buyer = $1", user.id)
                )
                if not count:
                    raise LookupError("an order is not there that was committed")
        finally:  # what was cancelled is cancelled in the server as well, which may be frozen
            await self.pool.release(connection, timeout=1)

    async def order(self, connection: asyncpg.Connection, buyer: int) -> None:
        """Order, in a transaction."""
        async with connection.transaction():
            await connection.execute(
                "INSERT INTO orders (buyer, goods) VALUES ($1, $2)", buyer, "apples"
            )

    async def terminate(self) -> None:
        """Close the pool; it would wait for ever for a server that is gone."""
        self.pool.terminate()
