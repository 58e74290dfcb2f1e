"""The pulse of a run that is kept in a directory: a small file, written anew every second.

It says how the run stands, so that a program beside it can ask without reading what the run
measured; ``murmur status`` does.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._status import Status

PULSE = "status.json"


def write_pulse(directory: Path, status: Status) -> None:
    """Say how a run stands; a disk that refuses is told of by the journal."""
    facts = {
        "state": status.state.value,
        "run_id": status.run_id,
        "scenario": status.scenario,
        "elapsed": round(status.elapsed, 3),
        "users": dict(status.users),
        "nodes": {name: state.value for name, state in status.nodes.items()},
        "problems": list(status.problems),
    }
    part = directory / f".{PULSE}.part"
    try:
        part.write_text(json.dumps(facts) + "\n", encoding="utf-8")
        part.chmod(0o600)
        part.replace(directory / PULSE)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
