"""Users of a PostgreSQL who look at orders, over an engine of SQLAlchemy.

docs/how-to/test-postgresql.md explains it.
"""

from __future__ import annotations

import anyio
from asyncpg import Connection
from sqlalchemy import event, text
from sqlalchemy.engine.interfaces import AdaptedConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from traitlets import Float, Int, Unicode

import murmur

TABLE = "CREATE TABLE IF NOT EXISTS orders (id bigserial PRIMARY KEY, buyer int, goods text)"


class OrdersByEngine(murmur.Scenario):
    """Users look at orders."""

    dsn = Unicode(
        "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres", help="where the database is"
    )
    rate = Float(100.0, min=0, help="queries per second, over all users")
    connections = Int(10, min=1, help="connections of the pool, on each node")
    patience = Float(5.0, min=0, help="seconds that a wait for the pool, or a query, may take")

    async def init(self) -> AsyncEngine:
        """Make the engine, with no connection more than is said, and the table."""
        engine = create_async_engine(
            self.dsn,
            pool_size=self.connections,
            max_overflow=0,
            pool_timeout=self.patience,
            connect_args={"timeout": self.patience, "command_timeout": self.patience},
        )
        self.opened: list[Connection] = []
        event.listen(engine.sync_engine, "connect", self.note)
        async with engine.begin() as connection:
            await connection.execute(text(TABLE))
        self.pace = await murmur.throttle("queries", rate=self.rate, interval=1)
        return engine

    def note(self, connection: AdaptedConnection, _: object) -> None:
        """Keep a connection that the pool opened, so that it can be ended without the server."""
        self.opened.append(connection.driver_connection)

    async def start(self, user: murmur.User, engine: AsyncEngine) -> None:
        """Look; after a failure, go on a second later."""
        while True:
            await self.pace.wait()
            try:
                await self.look(user, engine)
            except (SQLAlchemyError, OSError, TimeoutError):
                user.count("interruptions")
                await user.sleep(1)

    async def look(self, user: murmur.User, engine: AsyncEngine) -> None:
        """Take a connection, ask, and give it back."""
        connection = engine.connect()
        try:
            with user.timer("pool"):
                await user.wait_for(connection.start())
            with user.timer("look"):
                await user.wait_for(self.count(connection, user.id), timeout=self.patience)
        finally:  # it takes the transaction back, for which a frozen server has no answer
            with anyio.move_on_after(1, shield=True):
                await connection.close()

    async def count(self, connection: AsyncConnection, buyer: int) -> int:
        """Return how many orders a buyer has."""
        query = text("SELECT count(*) FROM orders WHERE buyer = :buyer")
        return int((await connection.execute(query, {"buyer": buyer})).scalar_one())

    async def terminate(self, engine: AsyncEngine) -> None:
        """Close the connections; the pool would wait for ever for a server that is gone."""
        for connection in self.opened:
            connection.terminate()
        with anyio.move_on_after(1):
            await engine.dispose()
