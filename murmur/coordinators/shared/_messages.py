"""Messages about coordinators, as bytes: plain values, and errors as their facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from murmur._wire import WireError, decode, describe_fault, encode, revive_fault


def pack_meeting(run_id: str, message: Sequence[object]) -> bytes:
    """Return a message of a run as bytes; raises `InvalidArgumentError` if it cannot travel."""
    parts = [
        {"fault": describe_fault(part)} if isinstance(part, Exception) else part for part in message
    ]
    return encode([run_id, parts], what="what a user brings to a coordinator")


def read_meeting(body: bytes, run_id: str) -> list[Any] | None:
    """Return the message, or None if it is about another run."""
    match decode(body):
        case [str(which), list(parts)] if len(parts) >= 2:
            if which != run_id:
                return None
        case _:
            raise WireError("this is no message about a coordinator")
    if parts[0] == "answer" and isinstance(parts[-1], dict):
        parts[-1] = revive_fault("steering", parts[-1]["fault"])
    return parts
