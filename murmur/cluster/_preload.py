"""Any worker of a dask deployment as a node, next to what else it does.

The deployment starts processes where they are wanted: over ssh, by a batch system, in
containers.  Each preloads this module, which joins the session that the environment names;
so murmur works with every deployment of dask, whatever its version and however its own
connections are secured.
"""

from __future__ import annotations

import os

from murmur.errors import TicketError

from ._membership import Membership, join

TICKET = "MURMUR_TICKET"
"""Environment variable with the ticket, or with the path of its file."""

_memberships: list[Membership] = []  # dask calls plain functions, once per process


def dask_setup(worker: object) -> None:
    """Join the session; dask calls this when the worker starts.

    The node is called as the worker is.

    Raises `TicketError` if ``MURMUR_TICKET`` is not set, or is no ticket; `JoinError` if the
    session cannot be reached.
    """
    ticket = os.environ.get(TICKET)
    if not ticket:
        raise TicketError(f"the environment variable {TICKET} names none")
    name = getattr(worker, "name", None)
    _memberships.append(join(ticket, name=None if name is None else f"worker-{name}"))


def dask_teardown(worker: object) -> None:
    """Leave in order; dask calls this when the worker ends."""
    while _memberships:
        _memberships.pop().leave()
