"""The exit codes of every command, and the words that explain them."""

from __future__ import annotations

ALL_HOLD = 0
CHECK_FAILED = 1
REFUSED = 2
INVALID = 3
CANNOT_TELL = 4
"""Of `murmur compare`: what was measured is not enough to say whether it is good."""
INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it; 143 after SIGTERM, 129 after SIGHUP."""

EXIT_CODES = """\
\b
Exit codes:
  0    every check holds, or none was given
  1    a check failed, every user failed, --abort-on ended the run or held when it was over,
       or nothing was checked and every action failed
  2    command line, settings or scenario cannot be used: nothing was measured
  3    the run is invalid: murmur itself was too slow, or its plan was not carried out;
       with --strict also if it is suspect
  130  ended by Ctrl-C (143: SIGTERM, 129: closed terminal); results are written all the same
Where several apply, the highest counts: checks on an invalid run say nothing."""
