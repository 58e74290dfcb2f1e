"""A run that was cut off, made again from its journal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from murmur.errors import ArchiveError, number_of
from murmur.recording import RunRecord
from murmur.results._source import RecordSource, Source, told_of
from murmur.results._verdict import State, Verdict
from murmur.telemetry import Chunk

from ._journal import entries

_OWN = ("started_at", "wall_seconds", "actions_bound")  # facts that only a journal needs


def recovered(directory: Path) -> Source:
    """Return what the journal in `directory` holds.

    Raises `ArchiveError` if it is damaged, another murmur wrote it, or the run was cut off before
    its first entry.
    """
    actions = [entry[1] for entry in entries(directory) if entry[0] == "chunk"]
    replay: _Replay | None = None
    damaged = foreign = 0
    for kind, *entry in entries(directory):
        damaged += kind == "damaged"
        foreign += kind == "foreign"
        if kind == "start":
            if replay is not None:  # it is there twice, so that no damage takes all
                continue
            replay = _Replay(entry[0], actions)
        elif replay is not None and hasattr(replay, f"_{kind}"):  # a newer murmur may write more
            getattr(replay, f"_{kind}")(*entry)
    if foreign and (replay is None or not actions):
        problem = "its journal is of another version of murmur"
        raise ArchiveError(directory, problem, "read it with the murmur that wrote it")
    if replay is None and damaged:
        remedy = "restore it from a copy, or run it again"
        raise ArchiveError(directory, "its journal is damaged where it begins", remedy)
    if replay is None:
        remedy = "run it again: it was cut off before anything was measured"
        raise ArchiveError(directory, "its journal is empty", remedy)
    replay.damaged += damaged
    replay.foreign = foreign
    return _CutOff(replay)


class _Replay:
    """Takes in the entries of a journal in their order."""

    def __init__(
        self,
        facts: dict[str, Any],  # of the first entry
        actions: list[int],  # how many actions there were in each chunk, before they were sampled
    ) -> None:
        self.facts = {name: value for name, value in facts.items() if name not in _OWN}
        self.record = RunRecord(
            facts["run_id"],
            0.0,
            facts["wall_seconds"],
            facts["settings"],
            facts["seed"],
            plan=facts.get("plan"),
            window=facts["window"],
        )
        self._bound = int(facts["actions_bound"])
        self._random = np.random.default_rng(facts["seed"])
        self._started_at = facts["started_at"]
        self._seen = 0
        self._total = sum(actions)
        self._lost_at: dict[str, float] = {}
        self.damaged = self.foreign = 0

    def _gap(self, entries: int) -> None:
        """Count what could not be written when it happened."""
        self.damaged += entries

    def _chunk(self, actions: int, chunk: Chunk) -> None:
        """Add a chunk; of sampled runs only so many actions that all are as likely to be kept.

        Each was written with the probability that the sample had then; what is left of it
        now is that of the end.
        """
        self._seen += actions
        then, now = (min(1.0, self._bound / max(n, 1)) for n in (self._seen, self._total))
        if now < then:
            kept = self._random.random(len(chunk.actions)) < now / then
            chunk = replace(chunk, actions=chunk.actions[kept])
        self.record.add(chunk)
        self.record.note_unseen(actions - len(chunk.actions))

    def _note(self, node: str, facts: dict[str, Any]) -> None:
        started_at = self._started_at
        moved = {
            name: value - started_at if name.endswith("_at") else value
            for name, value in facts.items()
        }
        self._lost_at[node] = moved.get("left_at", 0.0)
        self.record.note_node(node, **moved)

    def _load(self, at: float) -> None:
        self.record.note_load(at)

    def _call(self, call: dict[str, Any]) -> None:
        self.record.calls.append(call)

    def _lose(self, node: str) -> None:
        self.record.lose(node, self._lost_at.get(node, 0.0))

    def _present(self, node: str, users: Any, waiting: Any) -> None:  # noqa: ANN401 - three columns, ranges
        ids, admitted_at, started_at = users
        self.record.set_present(node, ids, admitted_at, started_at, waiting)


class _CutOff(RecordSource):
    """The record of a run that was cut off."""

    def __init__(self, replay: _Replay) -> None:
        super().__init__(replay.record, scenario=replay.facts["scenario"]["name"], was_cut_off=True)
        self._facts = replay.facts
        self._damaged = replay.damaged
        self._foreign = replay.foreign

    def verdict(self) -> Verdict:
        """Return the verdict of what is there, and what is missing."""
        verdict = super().verdict()
        missing = [*self._missing()]
        state: State = "suspect" if missing and verdict.state == "valid" else verdict.state
        return replace(verdict, state=state, reasons=(*missing, *verdict.reasons))

    def _missing(self) -> Iterator[str]:
        lost = "about a second of one node is missing for each."
        if self._damaged:
            pieces = number_of(self._damaged, "piece")
            yield f"{pieces} of the journal cannot be read, or could not be written: {lost}"
        if self._foreign:
            pieces = number_of(self._foreign, "piece")
            yield f"{pieces} of the journal can be read by another version of murmur alone: {lost}"

    def facts(self) -> dict[str, object]:
        """Return what was known when it started, and what the record knows."""
        return {**self._facts, **told_of(self._record)}
