"""Users of an AMQP broker: shops publish orders, kitchens get every one of them.

docs/how-to/test-an-amqp-broker.md explains it.
"""

from __future__ import annotations

import logging
from contextlib import suppress

import aio_pika
import anyio
from aio_pika.abc import AbstractChannel, AbstractExchange
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from traitlets import Float, Int, Unicode

import murmur

for name in ("aio_pika", "aiormq"):  # they write some lines for each client, otherwise
    logging.getLogger(name).setLevel(logging.CRITICAL)

FAILURES = (AMQPError, ChannelInvalidStateError, OSError, TimeoutError)
"""What aio-pika raises when a broker fails, is shut down or is not there."""


class Orders(murmur.Scenario):
    """The first users are kitchens, and all others are shops that publish to them."""

    url = Unicode("amqp://guest:guest@127.0.0.1:5672/", help="address of the broker")
    kitchens = Int(2, min=1, help="users that get every order")
    pace = Float(1.0, min=0.01, help="seconds between two orders of a shop")
    patience = Float(5.0, min=0.1, help="seconds that connecting, or an order, may take")

    async def start(self, user: murmur.User) -> None:
        """Do business; after an interruption, open again."""
        while True:
            try:
                await self.open(user)
            except FAILURES:
                user.count("interruptions")
            await user.sleep(user.random.uniform(0.5, 1.5))

    async def open(self, user: murmur.User) -> None:
        """Connect, and be a kitchen or a shop until the connection ends."""
        role = self.cook if user.id <= self.kitchens else self.sell
        with user.timer("connect"):
            connection = await user.wait_for(aio_pika.connect(self.url), timeout=self.patience)
        try:
            channel = await user.wait_for(
                connection.channel(on_return_raises=True), timeout=self.patience
            )
            orders = await user.wait_for(
                channel.declare_exchange("orders", aio_pika.ExchangeType.FANOUT),
                timeout=self.patience,
            )
            await role(user, channel, orders)
        finally:
            # It waits for the broker's farewell, which a frozen one does not send.
            with suppress(Exception), anyio.move_on_after(1, shield=True):
                await connection.close()

    async def cook(
        self, user: murmur.User, channel: AbstractChannel, orders: AbstractExchange
    ) -> None:
        """Take every order from a queue of one's own, which ends with the connection."""
        with user.timer("subscribe"):
            queue = await user.wait_for(channel.declare_queue(exclusive=True), self.patience)
            await user.wait_for(queue.bind(orders), self.patience)
        # Without `async with`, which would ask the broker to end it: it ends with the connection.
        async for message in user.iterate(queue.iterator(no_ack=True)):
            user.arrived(message.body)
        raise ConnectionResetError("the queue ended")

    async def sell(self, user: murmur.User, _: AbstractChannel, orders: AbstractExchange) -> None:
        """Publish now and then, and know that the broker has it for at least one queue."""
        await user.sleep(user.random.uniform(0, self.pace))
        while True:
            with user.timer("publish"):
                order = aio_pika.Message(user.stamp("order", expected=self.kitchens).encode())
                await user.wait_for(
                    orders.publish(order, routing_key="", mandatory=True), timeout=self.patience
                )
            await user.sleep(self.pace)
