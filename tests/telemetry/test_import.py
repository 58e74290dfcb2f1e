"""Importing telemetry is cheap: no numpy before the first seal."""

from __future__ import annotations

import subprocess
import sys


def test_importing_telemetry_imports_no_numpy():
    code = "import sys, murmur.telemetry; print('numpy' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert answer.stdout == "False\n"
