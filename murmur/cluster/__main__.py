"""Node process that `Session.spawn_nodes` starts; its ticket comes on standard input.

So the ticket is in no list of processes and in no environment.  SIGTERM makes it leave in
order, as it does ``murmur node``.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from murmur.errors import MurmurError

from ._membership import serve_node


def main() -> int:
    """Be a node until its session ends; 2 if it could not become one, and why on stderr."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        parent = os.getppid()  # without the session that started it, nobody comes back
        return serve_node(
            sys.stdin.readline(), name=sys.argv[1], is_wanted=lambda: os.getppid() == parent
        )
    except KeyboardInterrupt:  # it has left by now
        return 128 + signal.SIGTERM
    except MurmurError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _leave(number: int, frame: FrameType | None) -> None:
    """End in order, once: who is asked again ends at once."""
    signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
