"""Failures of a session's run, told while it is on: in the log, and among its problems."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from murmur._guard import heard
from murmur.recording import STEERING, Follower, failed_thing, failed_users, failure_lines
from murmur.runtime.health import standstill_text
from murmur.telemetry import kind_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from murmur.recording import RunRecord
    from murmur.telemetry import Chunk

FAILURES_LOG = "murmur.failures"
"""The logger that gets one line for each new kind of failure."""

MOST = 20
"""Kinds of failure that are logged of a run; `results.errors` has the others."""

HANGS = 10.0
"""Seconds from which on an action that is under way, for longer than any took, is told."""

_logger = logging.getLogger(FAILURES_LOG)
_NUMBER = re.compile(r"<n>|\d+")


class FailureLog(Follower):
    """Logs the first failure of each kind, while a run is on."""

    def __init__(self) -> None:
        self._record: RunRecord | None = None
        self._told: set[str] = set()

    def take(self, record: RunRecord, chunk: Chunk) -> None:
        """Log what is new in a chunk."""
        if record is not self._record:
            self._record, self._told = record, set()
        for count in chunk.errors:
            thing = failed_thing(count.source, chunk.names[count.name])
            error = kind_text(*chunk.kinds[count.kind])
            self._tell(f"{thing} failed: {error}", chunk.node)

    def _tell(self, line: str, node: str) -> None:
        key = _NUMBER.sub("", line)
        if key in self._told or len(self._told) > MOST:
            return
        self._told.add(key)
        if len(self._told) > MOST:
            heard(_logger.warning, "more kinds of failure are in results.errors")
        else:
            heard(_logger.warning, "%s (node %s; more in results.errors)", line, node)


def problems_of(record: RunRecord, users: Mapping[str, int]) -> tuple[str, ...]:
    """Return a line for each frequent failure but those of actions that ended nobody.

    Then come actions that seem not to end, and last what is wrong with what follows the
    run, such as a directory on a full disk.
    """
    table = record.table("errors")
    failures, hanging = failure_lines(table, only_harm=True), record.hanging(at_least=HANGS)[:3]
    lines = (*failures, *hanging, *record.troubles.values())
    failed = failed_users(table)
    if failed and failed == sum(users.values()):
        return (f"every user failed ({failed:,})", *lines)
    return lines


def standstill_lines(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield each node that stood still, and the steering kernel, with a line about it."""
    found: dict[tuple[str, str], list[float]] = {}
    for stood in record.standstills():
        found.setdefault((stood.node, stood.cause), []).append(stood.seconds)
    for (node, cause), seconds in found.items():
        who = "the steering kernel" if node == STEERING else "the process"
        yield node, standstill_text(who, seconds, cause)
