"""Trace context of W3C: a share of requests is marked, to be found in a server's spans."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._headers import Pairs

_random = random.Random()  # a user's own would give other values with tracing than without
FIELD = "traceparent"


def traced(fields: Pairs, share: float) -> Pairs:
    """Return `fields` with a trace of its own for a share of calls, unless they have one."""
    if _random.random() >= share or any(name.lower() == FIELD for name, _ in fields):
        return fields
    trace, span = _random.getrandbits(128) or 1, _random.getrandbits(64) or 1
    return (*fields, (FIELD, f"00-{trace:032x}-{span:016x}-01"))


def trace_id_of(fields: Pairs) -> str:
    """Return the id of the trace that a request was sent with; empty without.

    Examples
    --------
    >>> trace_id_of((("traceparent", f"00-{7:032x}-{9:016x}-01"),))
    '00000000000000000000000000000007'
    """
    for name, value in fields:
        if name.lower() == FIELD:
            return value.split("-")[1] if value.count("-") == 3 else ""
    return ""
