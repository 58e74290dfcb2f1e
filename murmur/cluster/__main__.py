"""What `Session.spawn_nodes` starts: a node whose ticket comes on standard input.

So the ticket is in no list of processes and in no environment.
"""

from __future__ import annotations

import sys

from murmur.cluster import serve_node

if __name__ == "__main__":
    sys.exit(serve_node(sys.stdin.readline(), name=sys.argv[1]))
