"""Facts about a node: its process, its host, its versions."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeFacts:
    """What a node tells of itself when it joins."""

    name: str  # what it would like to be called
    host: str
    pid: int
    cores: int
    python: str
    murmur: str
    life: str = ""  # by which it is known again when it comes back; empty if it never does

    @property
    def shown(self) -> dict[str, Any]:
        """What people get to see of it, in records of runs and on the screen."""
        names = ("host", "pid", "cores", "python", "murmur")
        return {name: getattr(self, name) for name in names}

    @property
    def is_here(self) -> bool:
        """Whether the node is in this process."""
        return (self.host, self.pid) == (platform.node(), os.getpid())

    @classmethod
    def here(cls, name: str, life: str = "") -> NodeFacts:
        """Return the facts of this process."""
        return cls(
            name=name,
            host=platform.node(),
            pid=os.getpid(),
            cores=_usable_cores(),
            python=platform.python_version(),
            murmur=own_version(),
            life=life,
        )


def own_version() -> str:
    """Return the version of murmur that runs here."""
    # By name: the face of the project offers every layer, so it stands above all.
    return str(import_module("murmur").__version__)


def _usable_cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux has it
        return os.cpu_count() or 1
