"""Check that each built archive carries what users and type checkers look for."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

# Ends of paths, so that they fit an sdist, where a folder of the project's name comes first.
BOTH = [
    "murmur/__init__.py",
    "murmur/py.typed",
    "murmur/jupyter/panel/front/panel.js",
    "murmur/jupyter/panel/front/panel.css",
    "murmur/results/_report.html",
]
NEEDED = {
    ".whl": [*BOTH, "METADATA", "licenses/LICENSE", "murmur/_vega.js"],
    ".gz": [*BOTH, "pyproject.toml", "README.md", "LICENSE", "CITATION.cff", "binder/postBuild"],
}
UNWANTED = ["__pycache__", ".ipynb_checkpoints", ".venv", ".DS_Store"]  # parts of a path


def names(archive: Path) -> list[str]:
    """Return the paths inside a wheel or an sdist."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.namelist()
    with tarfile.open(archive) as sdist:
        return sdist.getnames()


def problems(archive: Path) -> list[str]:
    """Return one sentence for each thing that is missing or does not belong."""
    inside = names(archive)
    missing = [end for end in NEEDED[archive.suffix] if not any(n.endswith(end) for n in inside)]
    strays = [
        n for n in inside if n.endswith(".map") or any(part in UNWANTED for part in Path(n).parts)
    ]
    return [f"{archive.name} lacks {end}" for end in missing] + [
        f"{archive.name} should not hold {name}" for name in strays
    ]


if __name__ == "__main__":
    found = [problem for archive in sys.argv[1:] for problem in problems(Path(archive))]
    sys.exit("\n".join(found) or 0)
