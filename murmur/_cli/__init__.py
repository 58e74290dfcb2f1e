"""The command line: runs, reads and compares without a notebook, for terminals and for CI.

Nothing here measures or decides anything about load: it reads options, makes one session do
what they say, shows what comes back, and turns it into files and an exit code.
"""

from typing import TYPE_CHECKING, Any

from ._main import main as main

if TYPE_CHECKING:
    from ._crew import Crew as Crew
    from ._file import KEYS as KEYS
    from ._file import read_file as read_file
    from ._outcome import Outcome as Outcome
    from ._places import Places as Places
    from ._signals import Interrupts as Interrupts

__all__ = ["KEYS", "Crew", "Interrupts", "Outcome", "Places", "main", "read_file"]

_HOMES = {
    "Crew": "_crew",
    "Interrupts": "_signals",
    "KEYS": "_file",
    "Outcome": "_outcome",
    "Places": "_places",
    "read_file": "_file",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever goes by the name
    """Import a name when it is first used: help and health checks need none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
