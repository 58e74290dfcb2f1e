"""A run directory: a journal while the run goes on, an archive once it is over.

It follows the run's record, so it holds what the record holds, from whichever node.  What
goes wrong with it is told once and harms no run.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from murmur.errors import ArchiveError, MurmurError
from murmur.recording import Follower, RunRecord
from murmur.results._source import RecordSource

from ._archive import as_json, fill, remove_files, require_pyarrow
from ._journal import JournalWriter, remove_journal

if TYPE_CHECKING:
    from murmur.telemetry import Chunk

__all__ = ["RunDirectory"]

_logger = logging.getLogger(__name__)


class RunDirectory(Follower):
    """Keeps one run on disk, second by second.

    Parameters
    ----------
    parent : pathlib.Path
        Where run directories are; it is made.
    record : RunRecord
        The run, before anything happened in it.
    scenario : type or str
        Its scenario, whose source is kept.
    actions_bound : int, default 5_000_000
        From this many actions on, a uniform sample of them is written.

    Attributes
    ----------
    path : pathlib.Path
        The directory of this run: ``<parent>/<start, UTC>-<id of the run>``.

    Raises
    ------
    ArchiveError
        If the directory cannot be made or written to.
    MissingExtraError
        If pyarrow is not installed, which writes the archive at the end.
    """

    def __init__(
        self,
        parent: Path,
        record: RunRecord,
        scenario: type | str = "",
        *,
        actions_bound: int = 5_000_000,
    ) -> None:
        require_pyarrow("Session(directory=...)")
        started = datetime.fromtimestamp(record.wall_started_at, UTC)
        self.path: Path = parent / f"{started:%Y-%m-%dT%H-%M-%S}-{record.run_id}"
        self._record = record
        self._source = RecordSource(record, scenario=scenario)
        self._bound = actions_bound
        self._random = np.random.default_rng(record.seed)
        self._is_broken = self._is_over = False
        self._unwritten = 0
        try:
            self._journal = JournalWriter(self.path)
            facts: Any = as_json(self._source.facts())
            more = {
                "started_at": record.started_at,
                "wall_seconds": record.wall_started_at,
                "actions_bound": actions_bound,
            }
            for _ in range(2):  # twice, so that no damaged byte takes all
                self._journal.write("start", facts | more)
        except OSError as error:
            remedy = "give a directory that can be written to, with room"
            raise ArchiveError(self.path, f"it cannot be made ({error})", remedy) from error

    def take(self, record: RunRecord, chunk: Chunk) -> None:
        """Write a chunk; beyond the bound, a sample of its actions."""
        actions = len(chunk.actions)
        share = self._bound / max(record.actions_total, 1)
        if share < 1:
            kept = self._random.random(actions) < share
            chunk = replace(chunk, actions=chunk.actions[kept])
        self._write(record, "chunk", actions, chunk)

    def lose(self, record: RunRecord, node: str, users: int) -> None:
        """Write that a node was lost; when, `note` told."""
        self._write(record, "lose", node)

    def note(self, record: RunRecord, node: str, facts: Mapping[str, Any]) -> None:
        """Write facts about a node."""
        self._write(record, "note", node, dict(facts))

    def present(self, record: RunRecord, node: str) -> None:
        """Write which users a node has."""
        self._write(
            record, "present", node, tuple(record.users.present[node]), record.users.waiting[node]
        )

    def call(self, record: RunRecord, call: Mapping[str, object]) -> None:
        """Write what a session was asked to do."""
        self._write(record, "call", as_json(dict(call)))

    def end(self, record: RunRecord) -> None:
        """Turn the journal into an archive."""
        if record is not self._record or self._is_over:
            return
        self._is_over = True
        record.relay.detach(self)
        try:
            self._journal.close()
            fill(self._source, self.path)
            remove_journal(self.path)
        except (OSError, ValueError, MurmurError) as error:
            remove_files(self.path)  # nothing half-made is left
            _logger.warning(
                "the run directory %s stays a journal, which murmur.load reads as well: %s",
                self.path,
                error,
            )

    def close(self) -> None:
        """Let go of the journal, which stays as it is."""
        self._is_broken = True
        self._journal.close()

    def discard(self) -> None:
        """Remove what was made for a run that did not start; nothing if it did."""
        if self._is_over:
            return
        self._is_over = True
        self._journal.close()
        remove_journal(self.path)
        self.path.rmdir()

    def _write(self, record: RunRecord, *entry: object) -> None:
        if record is not self._record or self._is_broken:
            return
        try:
            if self._unwritten:
                self._journal.write("gap", self._unwritten)
                _logger.warning(
                    "the run directory %s is written again; %d pieces of news are missing in it",
                    self.path,
                    self._unwritten,
                )
                self._unwritten = 0
            self._journal.write(*entry)
        except OSError as error:
            if not self._unwritten:
                _logger.warning(
                    "the run directory %s cannot be written (%s); the run goes on, "
                    "results.save() keeps what was measured, and it is tried again",
                    self.path,
                    error,
                )
            self._unwritten += 1
