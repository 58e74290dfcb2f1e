"""Hands on what the records of a session take in, to exporters and whoever else follows.

Events tell of single things as they happen, and only on the node where they do.  A chunk
tells everything a node measured in about a second, and those of all nodes come together in
the record of the run.  So what wants to be complete, and cheap, follows the chunks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from murmur._backend import thread_lock
from murmur._guard import error_text, heard, text_of

if TYPE_CHECKING:
    from murmur.telemetry import Chunk

    from ._record import RunRecord

_logger = logging.getLogger(__name__)


class Follower:
    """Whoever follows the runs of a session; does nothing unless a subclass does.

    `take` is called on the thread of the load, about once a second for each node, and must
    be quick; so must the others, but `end`, which another thread calls.  A follower that
    raises is dropped.
    """

    def take(self, record: RunRecord, chunk: Chunk) -> None:
        """Take in a chunk that `record` has just taken in; another record is another run."""

    def load(self, record: RunRecord) -> None:
        """Take note that users may come: `RunRecord.load_at` says since when."""

    def lose(self, record: RunRecord, node: str, users: int) -> None:
        """Take note that a node was lost, and with it so many users that were there."""

    def note(self, record: RunRecord, node: str, facts: Mapping[str, Any]) -> None:
        """Take note of facts about a node, as they were given to `RunRecord.note_node`."""

    def present(self, record: RunRecord, node: str) -> None:
        """Take note that `record` learnt anew which users a node has."""

    def call(self, record: RunRecord, call: Mapping[str, object]) -> None:
        """Take note of what a session was asked to do, as `RunRecord.calls` has it."""

    def end(self, record: RunRecord) -> None:
        """Take note that the run is over."""


class Relay:
    """The followers of a session.

    Parameters
    ----------
    *standing : Follower
        Those of the session itself, which stay and are not counted.

    Examples
    --------
    >>> class Counter(Follower):
    ...     chunks = 0
    ...     def take(self, record, chunk):
    ...         self.chunks += 1
    >>> relay = Relay()
    >>> relay.attach(Counter())
    >>> len(relay)
    1
    """

    def __init__(self, *standing: Follower) -> None:
        self._standing = standing
        self._followers: tuple[Follower, ...] = ()  # replaced whole, as others walk it meanwhile
        self._changing = thread_lock()  # any thread may attach and detach

    def __len__(self) -> int:
        return len(self._followers)

    def attach(self, follower: Follower) -> None:
        """Let `follower` hear of all that comes from now on; again is once."""
        with self._changing:
            self._followers = (*self._others_than(follower), follower)

    def detach(self, follower: Follower) -> None:
        """Leave `follower` alone from now on; fine if it was not attached."""
        with self._changing:
            self._followers = self._others_than(follower)

    def _others_than(self, follower: Follower) -> tuple[Follower, ...]:
        return tuple(one for one in self._followers if one is not follower)

    def take(self, record: RunRecord, chunk: Chunk) -> None:
        """Hand on a chunk."""
        self._tell(record, lambda follower: follower.take(record, chunk))

    def load(self, record: RunRecord) -> None:
        """Hand on that users may come."""
        self._tell(record, lambda follower: follower.load(record))

    def lose(self, record: RunRecord, node: str, users: int) -> None:
        """Hand on that a node was lost."""
        self._tell(record, lambda follower: follower.lose(record, node, users))

    def note(self, record: RunRecord, node: str, facts: Mapping[str, Any]) -> None:
        """Hand on facts about a node."""
        self._tell(record, lambda follower: follower.note(record, node, facts))

    def present(self, record: RunRecord, node: str) -> None:
        """Hand on that it is known anew which users a node has."""
        self._tell(record, lambda follower: follower.present(record, node))

    def call(self, record: RunRecord, call: Mapping[str, object]) -> None:
        """Hand on what a session was asked to do."""
        self._tell(record, lambda follower: follower.call(record, call))

    def end(self, record: RunRecord) -> None:
        """Hand on that a run is over."""
        self._tell(record, lambda follower: follower.end(record))

    def _tell(self, record: RunRecord, call: Callable[[Follower], None]) -> None:
        for follower in (*self._standing, *self._followers):
            try:
                call(follower)
            except BaseException as error:  # noqa: BLE001 - it may be a user's
                self.detach(follower)
                whose = text_of(follower, repr)
                goes_on = "goes on" if follower in self._standing else "follows no more"
                if whose in record.troubles:
                    continue  # it is one that stays, and has been told of
                record.troubles[whose] = f"{whose} {goes_on}: {error_text(error)}"
                tell = partial(_logger.error, exc_info=error)
                heard(tell, "%s raised and %s", whose, goes_on)  # who handles it may raise
