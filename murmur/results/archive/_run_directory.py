"""A run directory: a journal while the run goes on, an archive once it is over.

It follows the run's record, so it holds what the record holds, from whichever node.  What
goes wrong with it is told among the problems of the run, and harms none.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from murmur._backend import thread_lock
from murmur._guard import heard
from murmur.errors import ArchiveError
from murmur.recording import Follower, RunRecord
from murmur.results._manifest import as_json
from murmur.results._source import RecordSource
from murmur.telemetry import Chunk

from ._archive import fill, remove_files, require_pyarrow
from ._journal import JournalWriter, has_journal, remove_journal

_TROUBLE = "directory"
"""The key of what is wrong with it, among the troubles of the record."""

_CALM = 4
"""Pieces of news in a row that are written until the disk counts as one with room again.

A small one finds room where a large one does not: each would be told.
"""

_logger = logging.getLogger(__name__)


class RunDirectory(Follower):
    """Keeps one run on disk, second by second.

    Raises `ArchiveError` if the directory cannot be made or written to; `MissingExtraError` if
    pyarrow is not installed, which writes the archive at the end.
    """

    def __init__(
        self,
        parent: Path,  # where run directories are; it is made
        record: RunRecord,  # the run, before anything happened in it
        scenario: type | str = "",  # its scenario, whose source is kept
        *,
        # from this many actions on, a uniform sample of them is written
        actions_bound: int = 5_000_000,
    ) -> None:
        require_pyarrow("Session(directory=...)")
        started = datetime.fromtimestamp(record.wall_started_at, UTC)
        # the directory of this run: `<parent>/<start, UTC>-<id of the run>`
        self.path: Path = parent / f"{started:%Y-%m-%dT%H-%M-%S}-{record.run_id}"
        self._record = record
        self._source = RecordSource(record, scenario=scenario)
        self._bound = actions_bound
        self._random = np.random.default_rng(record.seed)
        self._is_broken = self._is_over = False
        self._writing = thread_lock()  # what a session is asked for is told by whoever asks
        self._unwritten = 0  # since the last that was written
        self._missing = 0  # since it was told
        self._calm = 0
        self._journal = self._opened(parent, record)

    def take(self, record: RunRecord, chunk: Chunk) -> None:
        """Write a chunk; beyond the bound, a sample of its actions."""
        actions = len(chunk.actions)
        share = self._bound / max(record.actions_total, 1)
        if share < 1:
            kept = self._random.random(actions) < share
            chunk = replace(chunk, actions=chunk.actions[kept])
        self._write(record, "chunk", actions, chunk)

    def load(self, record: RunRecord) -> None:
        """Write when users could come."""
        self._write(record, "load", record.load_at)

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
        with self._writing:
            self._is_over = True
        record.relay.detach(self)
        try:
            self._journal.close()
            self.path.mkdir(parents=True, exist_ok=True)  # it may have been removed meanwhile
            fill(self._source, self.path)
        except Exception as error:  # noqa: BLE001 - whatever it is, the journal stays
            remove_files(self.path)  # nothing half-made is left
            lacks = f"without {self._missing:,} {_pieces(self._missing)}, " if self._missing else ""
            if has_journal(self.path):
                is_left = f"stays a journal, {lacks}which murmur.load reads as well"
            else:
                is_left = "is gone, with what was written there"
            self._tell(
                f"the run directory {self.path} {is_left} ({error}); results.save() keeps all "
                "that was measured"
            )
        else:
            record.troubles.pop(_TROUBLE, None)  # it is whole now
            with suppress(OSError):  # what stays of the journal is read no more
                remove_journal(self.path)

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

    def _opened(self, parent: Path, record: RunRecord) -> JournalWriter:
        """Return the journal, with its first entry; what cannot be made leaves nothing."""
        new = [each for each in (self.path, *self.path.parents) if not each.exists()]
        facts: Any = as_json(self._source.facts())
        more = {
            "started_at": record.started_at,
            "wall_seconds": record.wall_started_at,
            "actions_bound": self._bound,
        }
        journal: JournalWriter | None = None
        try:
            journal = JournalWriter(self.path)
            for _ in range(2):  # twice, so that no damaged byte takes all
                journal.write("start", facts | more)
        except OSError as error:
            if journal is not None:
                journal.close()
            with suppress(OSError):
                remove_journal(self.path)
            for each in new:
                with suppress(OSError):
                    each.rmdir()
            remedy = "give a directory that can be written to, with room"
            raise ArchiveError(self.path, f"it cannot be made ({error})", remedy) from error
        return journal

    def _write(self, record: RunRecord, *entry: object) -> None:
        if record is not self._record or self._is_broken:
            return
        with self._writing:
            if self._is_over:
                return  # what another thread asked for as the run ended
            try:
                if self._unwritten:
                    self._journal.write("gap", self._unwritten)
                    self._unwritten = 0
                self._journal.write(*entry)
            except Exception as error:  # noqa: BLE001 - a disk, or what cannot be written at all
                self._miss(error)
            else:
                if self._missing:
                    self._recover()

    def _miss(self, error: Exception) -> None:
        """Count a piece of news that could not be written, and tell."""
        is_news = not self._missing or self._calm >= _CALM
        self._unwritten += 1
        self._missing += 1
        self._calm = 0
        self._tell(
            f"the run directory {self.path} cannot be written ({error}), and lacks "
            f"{self._missing:,} {_pieces(self._missing)} so far; the run goes on, results.save() "
            "keeps what was measured, and it is tried again",
            is_news=is_news,
        )

    def _recover(self) -> None:
        """Tell that there is room again, once that can be relied on."""
        self._calm += 1
        if self._calm == _CALM:
            self._tell(
                f"the run directory {self.path} is written again, and lacks {self._missing:,} "
                f"{_pieces(self._missing)} until the run is over"
            )

    def _tell(self, sentence: str, *, is_news: bool = True) -> None:
        """Keep a sentence among the problems of the run; what is news is logged, too."""
        self._record.troubles[_TROUBLE] = sentence
        if is_news:
            heard(_logger.warning, "%s", sentence)


def _pieces(count: int) -> str:
    return "piece of news" if count == 1 else "pieces of news"
