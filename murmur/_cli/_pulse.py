"""The pulse of a run, read: how it stood when its process last said so, and how long ago that is.

The age is the evidence: a process that was killed, or whose loop is stuck, writes none,
whatever the last one said.  Reads files alone and imports nothing of the engine: a health
check that asks every few seconds must not take time from the run it asks about.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

PULSE = "status.json"  # as `murmur._session` writes it
_MANIFEST = "manifest.json"
_OVER = {"finished", "failed"}
_WELL = {"idle", "running", "terminating", "finished"}


@dataclass(frozen=True, slots=True)
class Pulse:
    """How a run stood when its process last said so."""

    state: str  # running, terminating, finished or failed
    run_id: str | None
    scenario: str | None
    elapsed: float  # seconds since the run started
    users: Mapping[str, int]  # how many users wait, run, leave and are gone
    nodes: Mapping[str, str]  # state of each node's part
    problems: tuple[str, ...]  # what a person should know about
    directory: Path  # where the run is kept
    age: float  # seconds since this was written; below 0 if that is still to come by this clock

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file of a pulse.

        Raises `OSError` if it is not there; `ValueError` if it is none.
        """
        facts = json.loads(path.read_text(encoding="utf-8"))
        try:
            return cls(
                facts["state"],
                facts["run_id"],
                facts["scenario"],
                float(facts["elapsed"]),
                dict(facts["users"]),
                dict(facts["nodes"]),
                tuple(facts["problems"]),
                path.parent,
                time.time() - path.stat().st_mtime,
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path} is no pulse of a run: {error!r}") from error

    def is_silent(self, within: float) -> bool:
        """Whether the run was on and has said nothing for longer than `within` seconds.

        What seems to come from the future would look new for as long as that is ahead.
        """
        return self.state not in _OVER and abs(self.age) > within

    def is_well(self, within: float) -> bool:
        """Whether the run is on and says so, or has ended in order."""
        return self.state in _WELL and not self.is_silent(within)

    def to_dict(self, within: float) -> dict[str, Any]:
        """Return it as one JSON object."""
        return {
            **asdict(self),
            "problems": list(self.problems),
            "directory": str(self.directory),
            "silent": self.is_silent(within),
            "well": self.is_well(within),
        }


def pulse_in(directory: Path) -> Pulse | None:
    """Return the newest pulse of a run directory, or of one that holds some; None without.

    ``murmur run --out results`` keeps its run in ``results.unfinished`` as long as it is on.
    """
    found = sorted(_pulses(directory), key=lambda pulse: pulse.age)
    return found[0] if found else None


def _pulses(directory: Path) -> Iterator[Pulse]:
    beside = directory.with_name(f"{directory.name}.unfinished")
    for path in (
        directory / PULSE,
        *directory.glob(f"*/{PULSE}"),
        *beside.glob(f"*/{PULSE}"),
    ):
        with suppress(OSError, ValueError):  # it is being replaced, or is another program's
            yield Pulse.read(path)
    manifest = directory / _MANIFEST
    if manifest.exists() and not (directory / PULSE).exists():
        with suppress(OSError, ValueError, KeyError, TypeError):
            yield _of_archive(manifest)


def _of_archive(manifest: Path) -> Pulse:
    """Return what an archive tells, which is written once its run is over."""
    facts = json.loads(manifest.read_text(encoding="utf-8"))
    return Pulse(
        "finished",
        facts["run_id"],
        facts["scenario"]["name"],
        float(facts["summary"]["elapsed"]),
        {"gone": sum(facts["summary"]["users"].values())},
        {},
        (),
        manifest.parent,
        max(0.0, time.time() - manifest.stat().st_mtime),
    )
