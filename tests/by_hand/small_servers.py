"""Servers of small protocols, each as a program: ``small_servers.py PROTOCOL PORT``."""

from __future__ import annotations

import asyncio
import sys
from typing import Any


async def modbus(port: int) -> None:
    from pymodbus.server import StartAsyncTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    registers = SimData(0, count=10, values=7, datatype=DataType.REGISTERS)
    await StartAsyncTcpServer(SimDevice(0, simdata=[registers]), address=("127.0.0.1", port))


async def opcua(port: int) -> None:
    from asyncua import Server

    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    async with server:
        await asyncio.Event().wait()


async def ssh(port: int) -> None:
    import asyncssh

    class Open(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return False

    def run(process: asyncssh.SSHServerProcess[str]) -> None:
        process.exit(0 if process.command == "date" else 1)

    key = asyncssh.generate_private_key("ssh-ed25519")
    await asyncssh.create_server(
        Open, "127.0.0.1", port, server_host_keys=[key], process_factory=run
    )
    await asyncio.Event().wait()


async def names(port: int) -> None:
    import dns.message
    import dns.rrset

    class Answers(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self._transport = transport

        def datagram_received(self, packet: bytes, client: Any) -> None:
            answer = dns.message.make_response(dns.message.from_wire(packet))
            name = answer.question[0].name
            answer.answer.append(dns.rrset.from_text(name, 1, "IN", "A", "127.0.0.2"))
            self._transport.sendto(answer.to_wire(), client)

    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Answers, ("127.0.0.1", port))
    await listen(port)


async def coap(port: int) -> None:
    import aiocoap
    from aiocoap import resource

    class Warmth(resource.Resource):
        async def render_get(self, request: aiocoap.Message) -> aiocoap.Message:
            return aiocoap.Message(payload=b"21")

    site = resource.Site()
    site.add_resource(["warmth"], Warmth())
    await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", port))
    await asyncio.Event().wait()  # it listens for TCP as well


async def listen(port: int) -> None:
    """Let whoever waits for a server of datagrams connect."""
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(globals()[sys.argv[1]](int(sys.argv[2])))
