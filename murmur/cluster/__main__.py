"""Node process that `Session.spawn_nodes` starts; its ticket comes on standard input.

So the ticket is in no list of processes and in no environment.
"""

from __future__ import annotations

import sys

from murmur.errors import MurmurError

from ._membership import serve_node


def main() -> int:
    """Be a node until its session ends; 2 if it could not become one, and why on stderr."""
    try:
        return serve_node(sys.stdin.readline(), name=sys.argv[1])
    except MurmurError as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
