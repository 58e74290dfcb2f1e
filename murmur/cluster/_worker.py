"""Plugin that makes the workers of a dask deployment nodes of a session.

It travels to every worker over dask's own connections: those that are there, and those that
come, be it that the deployment was scaled up or that a worker was started anew.  Each
joins as any other process does.  It also holds a task of dask's for as long as it is a node,
so that nobody takes it to be idle: it shows in dask's dashboard, `adapt` retires other
workers, and the scheduler does not end while users live there.
"""

from __future__ import annotations

import signal
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from murmur.errors import MissingExtraError

# Before what needs the extra `cluster`: whoever has neither is told of the one that brings both.
try:
    from distributed import Client, Status, get_worker, secede
    from distributed.diagnostics.plugin import WorkerPlugin
except ImportError:
    raise MissingExtraError("a deployment of dask", "dask", "distributed") from None

from ._membership import Membership, join

if TYPE_CHECKING:
    from distributed import Worker

ASK = 1.0
"""Seconds that the scheduler has to tell why a worker closes; without an answer, nobody asked."""

WISHES = ("nanny-close", "scheduler-remove-worker", "client-restart")
"""How dask begins its reason when somebody scaled down, retired the worker or restarted it.

Others are ``signal-15``, the worker's own lifetime, or the end of the scheduler.
"""


def murmur_node(plugin: str) -> str:
    """Be busy while this worker is a node; what the task in dask's dashboard does."""
    secede()  # the worker's threads are free to do other tasks
    node = get_worker().plugins[plugin]
    assert isinstance(node, NodePlugin)
    return node.stay()


class NodePlugin(WorkerPlugin):
    """Makes a worker a node, under the worker's name."""

    def __init__(
        self,
        ticket: str,
        name: str,  # what the plugin is called by dask; each session has another
    ) -> None:
        self.name = name
        self._ticket = ticket
        self._membership: Membership | None = None
        self._client: Any = None
        self._task: Any = None
        self._heeds_sigterm = False

    async def setup(self, worker: Worker) -> None:
        """Join the session; dask calls this on its own loop.

        Raises `JoinError` if the session cannot be reached, or does not let this worker in.
        """
        self._membership = await anyio.to_thread.run_sync(
            partial(join, self._ticket, name=str(worker.name))
        )
        self._heed_sigterm(worker)
        # Its own client: once the worker dies, the scheduler forgets this task with it.
        self._client = await Client(
            worker.scheduler.address,
            security=worker.security,
            asynchronous=True,
            set_as_default=False,
        )
        self._task = self._client.submit(
            murmur_node,
            self.name,
            key=f"murmur_node-{self.name}-{worker.id}",
            workers=[worker.address],
            pure=False,
        )

    async def teardown(self, worker: Worker) -> None:
        """Leave in order; dask calls this when the worker closes, or is given back."""
        if self._membership is not None:
            # A worker that goes on working was given back.
            is_released = worker.status is Status.running
            is_asked = is_released or await self._was_wished(worker.address) or None
            await anyio.to_thread.run_sync(partial(self._membership.leave, is_asked=is_asked))
        if self._client is not None:
            await self._client.close()
        if self._heeds_sigterm:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def stay(self) -> str:
        """Block until this worker is a node no more; return why."""
        if self._membership is None:
            return "it never was a node"
        self._membership.wait()
        return self._membership.reason

    def _heed_sigterm(self, worker: Worker) -> None:
        """Let SIGTERM end a worker in order that has a nanny, too.

        dask's own commands do so, and the process that a nanny starts would end at once; batch
        systems send the signal to both.
        """
        if not worker.nanny or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
            return
        loop: Any = worker.loop
        close = partial(loop.add_callback, worker.close, nanny=False, reason="signal-15")
        with suppress(ValueError):  # this is not the main thread
            signal.signal(signal.SIGTERM, lambda *_: loop.asyncio_loop.call_soon_threadsafe(close))
            self._heeds_sigterm = True

    async def _was_wished(self, worker: str) -> bool:
        """Return whether a worker closes because somebody asked dask for that."""
        if self._client is None:
            return False
        with anyio.move_on_after(ASK):
            while True:
                for _, event in await self._client.get_events(worker):
                    if event.get("action") == "closing-worker":
                        return str(event["reason"]).startswith(WISHES)
                await anyio.sleep(ASK / 50)
        return False

    def __repr__(self) -> str:
        """Return the name; the ticket is a secret."""
        return f"<{type(self).__name__} {self.name}>"
