"""The command line: runs, reads and compares without a notebook, for terminals and for CI.

Nothing here measures or decides anything about load: it reads options, makes one session do
what they say, shows what comes back, and turns it into files and an exit code.
"""

from ._main import main

__all__ = ["main"]
