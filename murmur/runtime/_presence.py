"""Presence of users: who is here now, which no record of the past can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Presence"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Presence:
    """The users of one node that did not end yet.

    Attributes
    ----------
    node : str
        Name of the node.
    user_ids : sequence of int
        Users that are running or leaving.
    admitted_at, started_at : sequence of float
        When they came up, on the node's clock; nan if not yet started.
    waiting : sequence of (int, int)
        First and last id of the ranges that wait to be admitted.
    """

    node: str
    user_ids: Sequence[int]
    admitted_at: Sequence[float]
    started_at: Sequence[float]
    waiting: Sequence[tuple[int, int]]
