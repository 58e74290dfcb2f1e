"""Listening of targets, which all have in common: from entering them until leaving them."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Self

BACKLOG = 4096
"""Connections that may wait to be accepted; the system may cut it (``somaxconn``)."""


class Listening(ABC):
    """A server on asyncio, as an asynchronous context manager.

    Parameters
    ----------
    host : str
        Address to listen on.
    port : int
        Port to listen on; 0 lets the system choose one, see `port`.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self._port = port
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @abstractmethod
    def _welcome(self) -> asyncio.Protocol:
        """Return what talks with whoever connects."""

    @abstractmethod
    def _dismiss(self) -> None:
        """Close all connections."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(
            self._welcome, self.host, self._port, backlog=BACKLOG
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self._dismiss()
        await self._server.wait_closed()
