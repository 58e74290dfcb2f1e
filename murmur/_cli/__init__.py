"""The command line: runs, reads and compares without a notebook, for terminals and for CI.

Nothing here measures or decides anything about load: it reads options, makes one session do
what they say, shows what comes back, and turns it into files and an exit code.
"""

from ._crew import Crew as Crew
from ._file import KEYS as KEYS
from ._file import read_file as read_file
from ._main import main as main
from ._outcome import Outcome as Outcome
from ._places import Places as Places
from ._signals import Interrupts as Interrupts

__all__ = ["KEYS", "Crew", "Interrupts", "Outcome", "Places", "main", "read_file"]
