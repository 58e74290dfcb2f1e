"""The command line without a script on the PATH: ``python -m murmur run chat.py``."""

from __future__ import annotations

import sys

from murmur._cli import main

if __name__ == "__main__":
    sys.exit(main())
