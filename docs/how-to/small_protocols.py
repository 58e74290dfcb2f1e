"""Users of devices and services, a few lines for each protocol.

docs/how-to/use-any-client-library.md shows them.
"""

from __future__ import annotations

import logging

import aiocoap
import asyncssh
import asyncua
import dns.asyncresolver
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from traitlets import Float, Int

import murmur

for name in ("asyncua", "pymodbus", "asyncssh", "coap"):  # a line for each client, otherwise
    logging.getLogger(name).setLevel(logging.ERROR)


class Clients(murmur.Scenario):
    """Users of a server on this machine."""

    port = Int(1, min=1, max=65535, help="port of the server")
    pace = Float(1.0, min=0, help="seconds between two questions of a user")


class Registers(Clients):
    """Modbus: users read registers; an error is what is returned, and must be raised."""

    async def start(self, user: murmur.User) -> None:
        """Read, over a connection of one's own."""
        async with AsyncModbusTcpClient("127.0.0.1", port=self.port, retries=0) as client:
            while True:
                with user.timer("read"):
                    answer = await user.wait_for(client.read_holding_registers(0, count=4))
                    if answer.isError():
                        raise ModbusException(f"{answer}")
                await user.sleep(self.pace)


class Tags(Clients):
    """OPC UA: users read the server's time."""

    async def start(self, user: murmur.User) -> None:
        """Read, in a session of one's own."""
        async with asyncua.Client(f"opc.tcp://127.0.0.1:{self.port}/", timeout=5) as client:
            while True:
                with user.timer("read"):
                    await user.wait_for(client.get_node("i=2258").read_value())
                await user.sleep(self.pace)


class Commands(Clients):
    """SSH: users run a command, each over a connection of its own."""

    async def start(self, user: murmur.User) -> None:
        """Run a command; another status than 0 is an error with `check`."""
        async with asyncssh.connect(
            "127.0.0.1", self.port, username="somebody", known_hosts=None, config=None
        ) as connection:
            while True:
                with user.timer("run"):
                    await user.wait_for(connection.run("date", check=True), timeout=5)
                await user.sleep(self.pace)


class Names(Clients):
    """DNS: users ask for an address; a lost answer is asked for again after 2 s, and counts so."""

    async def start(self, user: murmur.User) -> None:
        """Ask, without a cache."""
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], self.port
        while True:
            with user.timer("resolve"):
                await user.wait_for(resolver.resolve("murmur.test", "A", lifetime=5, search=False))
            await user.sleep(self.pace)


class Sensors(Clients):
    """CoAP: users read a sensor; an answer such as 4.04 is no exception, and must be raised."""

    async def start(self, user: murmur.User) -> None:
        """Read, from a port of one's own."""
        context = await aiocoap.Context.create_client_context()
        try:
            while True:
                with user.timer("get"):
                    question = aiocoap.Message(
                        code=aiocoap.GET, uri=f"coap://127.0.0.1:{self.port}/warmth"
                    )
                    request = context.request(question, handle_blockwise=False)
                    answer = await user.wait_for(request.response, timeout=5)
                    if not answer.code.is_successful():
                        raise LookupError(f"{answer.code}")
                await user.sleep(self.pace)
        finally:
            await context.shutdown()
