"""The manifest of a run: all that is needed to do it again, and to compare it with another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from murmur._guard import text_of

if TYPE_CHECKING:
    from ._results import Results

_COMPARED = ("scenario", "settings", "settings_at_start", "plan", "murmur", "python", "host")
"""Entries in which runs that are to be compared should agree."""

_OWN = {"source", "above", "missing", "allow"}
"""What differs without a word: the hash tells of the source, and a guard changes no load."""


class Manifest(Mapping[str, Any]):
    """What is known of a run besides its frames, by name; `Results.manifest`.

    ``seed``, ``settings`` (as they were last), ``settings_at_start``, ``plan`` (users that
    were announced, seconds, and what ``Session(allow=...)`` allowed), ``changes`` (every live
    change, with its time), ``scenario`` (name, source, sha256), ``murmur``, ``python``,
    ``platform``, ``host``, ``wall_started_at`` and more.

    Examples
    --------
    >>> from murmur.recording import RunRecord
    >>> from murmur.results import Results
    >>> one, other = (
    ...     Results(RunRecord("r", 0.0, 0.0, {"pace": pace})).manifest for pace in (1.0, 0.5)
    ... )
    >>> one.diff(other)
    ['settings pace differs: 1.0, then 0.5']
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = dict(facts)

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - as JSON has it
        return self._facts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)

    def __repr__(self) -> str:
        return f"<Manifest of run {self._facts.get('run_id')}: {', '.join(self._facts)}>"

    def diff(self, other: Mapping[str, Any]) -> list[str]:
        """Return why the runs are not comparable, a sentence for each; empty if they are.

        Parameters
        ----------
        other : Manifest
            Of the other run.
        """
        found = []
        for name in _COMPARED:
            old, new = _told(self.get(name)), _told(other.get(name))
            for key in sorted({*old, *new} - _OWN):
                if old.get(key) != new.get(key):
                    differs = f"{key} {_difference(key, old, new)}".strip()
                    if name == "settings_at_start" and f"settings {differs}" in found:
                        continue  # from the start on
                    found.append(f"{name} {differs}")
        return found


def _difference(key: str, old: dict[str, object], new: dict[str, object]) -> str:
    """Say how an entry differs; what one run does not tell, as an older murmur's, is no value."""
    if key == "sha256":
        return "differs"
    if key in old and key in new:
        return f"differs: {old[key]!r}, then {new[key]!r}"
    return f"is told of the {'first' if key in old else 'second'} alone: {(old | new)[key]!r}"


def doubts(firsts: Sequence[Results], seconds: Sequence[Results]) -> Iterator[str]:
    """Say why runs may not be comparable, each thing once."""
    for side, runs in (("A", firsts), ("B", seconds)):
        for run in runs:
            verdict = run.verdict
            run_id = run.manifest.get("run_id")
            which = side if len(runs) == 1 else f"run {run_id} of {side}"
            if verdict.state != "valid":
                yield f"warning: {which} is {verdict}"
            else:  # such as that it fell silent
                yield from (f"note: {which}: {reason}" for reason in verdict.reasons)
    first = firsts[0].manifest
    told = dict.fromkeys(
        note for run in (*firsts[1:], *seconds) for note in first.diff(run.manifest)
    )
    yield from (f"note: {note}" for note in told)


def as_json(value: object) -> object:
    """Return `value` as JSON can hold it, by its text where it cannot."""
    match value:
        case dict():
            return {str(as_json(str(key))): as_json(inside) for key, inside in value.items()}
        case list() | tuple():
            return [as_json(inside) for inside in value]
        case str():  # half of a surrogate pair has no place in a file
            return value.encode(errors="backslashreplace").decode()
        case None | bool() | int():
            return value
        case float() if math.isfinite(value):
            return value
    return as_json(text_of(value))


def _told(fact: object) -> dict[str, object]:
    """Return an entry as an archive has it: a run that was not saved is no other run."""
    kept = as_json(dict(fact) if isinstance(fact, Mapping) else {"": fact})
    assert isinstance(kept, dict)
    return kept
