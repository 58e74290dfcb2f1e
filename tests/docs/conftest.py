"""The pages, built once: what Sphinx found on them is what a reader can find."""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the pages are; a warning of Sphinx, such as for a dead link, fails."""
    built = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "sphinx", "-qW", "--keep-going", str(ROOT / "docs")]
    done = subprocess.run([*command, str(built)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return built


@pytest.fixture(scope="session")
def described(site: Path) -> dict[str, set[str]]:
    """Return the names that the pages describe, by kind: ``std:event``, ``py:class``..."""
    head, _, packed = (site / "objects.inv").read_bytes().partition(b"using zlib.\n")
    assert head.startswith(b"# Sphinx inventory version 2")
    found: dict[str, set[str]] = {}
    for line in zlib.decompress(packed).decode().splitlines():
        name, kind = re.fullmatch(r"(.+?) (\w+:\w+) -?\d+ .*", line).groups()
        found.setdefault(kind, set()).add(name)
    return found
